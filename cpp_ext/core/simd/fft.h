// The loops of the real transform.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/lanes.h"
#include "core/simd/dispatch.h"

namespace edgewright {

// One pass in place: on every stretch of `length` rows, butterflies of `radix` rows that lie
// length / radix apart.
struct FftPass {
  std::size_t radix;
  std::size_t length;
  const float* twiddles;  // (length / radix, radix - 1, 2): cos and sin
  const float* roots;     // (radix, 2), of odd radices
  float* scratch;         // (radix, 2, kLanes), of odd radices
};

// Row `rows[k]` of a plane holds the bin k of its transform.
struct FftOrder {
  const std::uint32_t* rows;
  std::size_t size;
};

struct FftLoops {
  // Overwrites the `rows` rows of `data`.
  void (*pass)(const FftPass& pass, std::size_t rows, Planes data);
  // From the complex transform Z (M rows) to the spectrum X (M + 1, 2, kLanes): real and imaginary
  // rows in turn. `rotations` is (M + 1, 2).
  void (*unpack)(Planes z, const FftOrder& order, const float* rotations, float* spectrum);
  // The same, but writes |X|^2 (M + 1, kLanes).
  void (*power)(Planes z, const FftOrder& order, const float* rotations, float* power);
  // From the spectrum back to Z (M rows, in their order), times `scale`; imaginary parts of bins 0
  // and M count as 0.
  void (*pack)(const float* spectrum, const float* rotations, std::size_t m, float scale, Planes z);
};

EDGEWRIGHT_DISPATCH(FftLoops, fft_loops)

}  // namespace edgewright
