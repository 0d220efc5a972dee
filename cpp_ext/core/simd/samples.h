// Loops over the samples of a waveform.
#pragma once

#include <cstddef>

#include "core/simd/dispatch.h"

namespace edgewright {

struct SampleLoops {
  // Returns the largest absolute value, NaN where there is one, 0 of nothing.
  float (*largest_magnitude)(const float* samples, std::size_t size);
  // Writes scale samples[i] - preemphasis scale samples[i - 1]; a sample stands before the first.
  void (*emphasize)(const float* samples, std::size_t size, float scale, float preemphasis,
                    float* output);
};

EDGEWRIGHT_DISPATCH(SampleLoops, sample_loops)

}  // namespace edgewright
