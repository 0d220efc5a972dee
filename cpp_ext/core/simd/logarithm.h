// ln of float lanes, with equal bits on every instruction set.
#pragma once

#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

// x = 2^e m with m from sqrt(1/2) to sqrt(2); ln x = e ln 2 + ln m, where ln 2 is split in two and
// ln m is the polynomial of Cephes (`logf.c`, S. Moshier). x is a normal number above 0; the error
// is below 1e-7 of the larger of 1 and |ln x|.
inline __attribute__((always_inline)) Floats logarithm(Floats x) {
  Ints bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const Ints exponent = (bits - 0x3f3504f3) >> 23;
  bits -= exponent << 23;
  Floats f;
  __builtin_memcpy(&f, &bits, sizeof f);
  f -= 1.0f;
  const Floats e = __builtin_convertvector(exponent, Floats);
  Floats p = f * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const Floats square = f * f;
  const Floats small = p * f * square - e * 2.12194440e-4f - 0.5f * square;
  return f + small + e * 0.693359375f;
}

}  // namespace
}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
