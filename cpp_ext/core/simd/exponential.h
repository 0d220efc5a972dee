// exp of float lanes, with equal bits on every instruction set.
#pragma once

#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

// exp(x) = 2^n exp(r) with n = round(x / ln 2) and |r| <= ln 2 / 2, where ln 2 is split in two so
// that r is exact, and exp(r) is the polynomial of Cephes (`expf.c`, S. Moshier). x is from -87 to
// 88; the relative error is below 2e-7.
inline __attribute__((always_inline)) Floats exponential(Floats x) {
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the lower bits.
  const float shift = 12582912.0f;
  const Floats shifted = x * 1.44269504088896341f + shift;
  const Floats n = shifted - shift;
  const Floats r = x - n * 0.693359375f - n * -2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Ints bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  bits = (bits - 0x4b400000 + 127) << 23;
  Floats power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return p * power;
}

}  // namespace
}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
