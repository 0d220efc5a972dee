// The loops of softmax over one row.
#pragma once

#include <cstddef>

#include "core/simd/dispatch.h"

namespace edgewright {

struct SoftmaxLoops {
  // Returns the largest of `size` values, at least one.
  float (*largest)(const float* values, std::size_t size);
  // Writes exp(value - largest) into other memory and returns the sum. Values of more than 87 below
  // count as 0.
  double (*exponentials)(const float* values, std::size_t size, float largest, float* output);
  // Returns the first place from `begin` on whose value is above `least`; `size` where there is
  // none.
  std::size_t (*first_above)(const float* values, std::size_t begin, std::size_t size, float least);
  // Multiplies by `factor` in place.
  void (*scale)(float* values, std::size_t size, float factor);
};

EDGEWRIGHT_DISPATCH(SoftmaxLoops, softmax_loops)

}  // namespace edgewright
