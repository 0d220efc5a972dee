// Greedy CTC decoding: the best token of each frame, runs merged, blanks dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/log_probs.h"

namespace edgewright {

// A token of a decoded sequence and the frames [start, end) of its run.
struct CtcToken {
  std::int32_t token_id;
  std::int64_t start;
  std::int64_t end;
  float confidence;  // mean probability over these frames
};

// Graves et al. (2006), "best path decoding", section 3.2. Throws std::invalid_argument as
// `best_tokens` does.
std::vector<CtcToken> ctc_greedy_decode(const float* logits, std::size_t num_frames,
                                        std::size_t vocabulary, std::size_t blank_id);

// Mean probability of a token over the frames [start, end), which are at least one.
float mean_probability(const LogProbs& log_probs, std::size_t token, std::size_t start,
                       std::size_t end);

}  // namespace edgewright
