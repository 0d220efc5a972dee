// The best token of each frame.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/simd/dispatch.h"

namespace edgewright {

struct CtcLoops {
  // Writes the index of the largest value of each row, the first of equal ones; -1 where a row has
  // a NaN or its largest value is infinite.
  void (*best_tokens)(const float* logits, std::size_t rows, std::size_t size, std::int32_t* best);
};

EDGEWRIGHT_DISPATCH(CtcLoops, ctc_loops)

}  // namespace edgewright
