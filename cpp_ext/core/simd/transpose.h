// Square blocks of floats, rows and columns exchanged.
#pragma once

#include "core/simd/vectors.h"

#if defined(__clang__)
#define EDGEWRIGHT_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define EDGEWRIGHT_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Ints{__VA_ARGS__})
#endif

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

// a0 b0 a1 b1 … of the lower and of the upper halves of two vectors.
#if EDGEWRIGHT_VECTOR_BYTES == 16
inline __attribute__((always_inline)) Floats zip_low(Floats a, Floats b) {
  return EDGEWRIGHT_SHUFFLE(a, b, 0, 4, 1, 5);
}
inline __attribute__((always_inline)) Floats zip_high(Floats a, Floats b) {
  return EDGEWRIGHT_SHUFFLE(a, b, 2, 6, 3, 7);
}
#elif EDGEWRIGHT_VECTOR_BYTES == 32
inline __attribute__((always_inline)) Floats zip_low(Floats a, Floats b) {
  return EDGEWRIGHT_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
inline __attribute__((always_inline)) Floats zip_high(Floats a, Floats b) {
  return EDGEWRIGHT_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
#else
inline __attribute__((always_inline)) Floats zip_low(Floats a, Floats b) {
  return EDGEWRIGHT_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
inline __attribute__((always_inline)) Floats zip_high(Floats a, Floats b) {
  return EDGEWRIGHT_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
#endif

// Exchanges rows and columns of kWidth vectors: zipping rows i and i + kWidth / 2, log2(kWidth)
// times.
inline __attribute__((always_inline)) void transpose(Floats* rows) {
  for (std::size_t step = 1; step < kWidth; step *= 2) {
    Floats zipped[kWidth];
    for (std::size_t i = 0; i < kWidth / 2; ++i) {
      zipped[2 * i] = zip_low(rows[i], rows[i + kWidth / 2]);
      zipped[2 * i + 1] = zip_high(rows[i], rows[i + kWidth / 2]);
    }
    for (std::size_t i = 0; i < kWidth; ++i) rows[i] = zipped[i];
  }
}

}  // namespace
}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
