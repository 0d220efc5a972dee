// The length regulator of FastSpeech 2.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgewright {

// Returns the sum of `count` durations. Throws std::invalid_argument where one is negative or the
// sum exceeds `limit`.
std::size_t total_duration(const std::int64_t* durations, std::size_t count, std::size_t limit);

// Writes each row of `hidden` (count, dim) as often as its duration says, in order: rows of
// `expanded` (total_duration, dim). Ren et al., FastSpeech 2, section 2.2.
void regulate_length(const float* hidden, std::size_t count, std::size_t dim,
                     const std::int64_t* durations, float* expanded);

}  // namespace edgewright
