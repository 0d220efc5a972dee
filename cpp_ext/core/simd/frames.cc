#include "core/simd/frames.h"

#include "core/simd/transpose.h"
#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

void gather(const float* const* frames, std::size_t size, float* rows) {
  for (std::size_t i = 0; i < size; i += kWidth) {
    for (std::size_t l = 0; l < kLanes; l += kWidth) {
      Floats block[kWidth];
      for (std::size_t r = 0; r < kWidth; ++r) block[r] = load<Floats>(frames[l + r] + i);
      transpose(block);
      for (std::size_t r = 0; r < kWidth; ++r) store(rows + (i + r) * kLanes + l, block[r]);
    }
  }
}

void scatter_block(const float* rows, std::size_t count, float* const* frames, std::size_t offset) {
  Floats block[kWidth];
  for (std::size_t r = 0; r < kWidth; ++r) block[r] = load<Floats>(rows + r * kLanes);
  transpose(block);
  for (std::size_t l = 0; l < kWidth && l < count; ++l) store(frames[l] + offset, block[l]);
}

void scatter(const float* rows, std::size_t size, std::size_t count, float* const* frames) {
  std::size_t i = 0;
  for (; i + kWidth <= size; i += kWidth) {
    for (std::size_t l = 0; l < count; l += kWidth) {
      scatter_block(rows + i * kLanes + l, count - l, frames + l, i);
    }
  }
  for (; i < size; ++i) {
    for (std::size_t l = 0; l < count; ++l) frames[l][i] = rows[i * kLanes + l];
  }
}

void add(const float* values, std::size_t size, float* to) {
  std::size_t i = 0;
  for (; i + kWidth <= size; i += kWidth) {
    store(to + i, load<Floats>(to + i) + load<Floats>(values + i));
  }
  for (; i < size; ++i) to[i] += values[i];
}

}  // namespace

extern const FrameLoops frame_loops;
const FrameLoops frame_loops{&gather, &scatter, &add};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
