// Sums of products of pairs of 16-bit numbers.
#pragma once

#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

typedef std::uint32_t Words __attribute__((vector_size(EDGEWRIGHT_VECTOR_BYTES)));

// Each lane holds two signed 16-bit numbers; returns a.low * b.low + a.high * b.high, which x86
// computes in one instruction for which the vector extension has no name.
inline __attribute__((always_inline)) Words multiply_pairs(Ints a, Ints b) {
#if defined(__SSE2__)
  typedef short Shorts __attribute__((vector_size(EDGEWRIGHT_VECTOR_BYTES)));
#if EDGEWRIGHT_VECTOR_BYTES == 16
  return reinterpret_cast<Words>(
      __builtin_ia32_pmaddwd128(reinterpret_cast<Shorts>(a), reinterpret_cast<Shorts>(b)));
#elif EDGEWRIGHT_VECTOR_BYTES == 32
  return reinterpret_cast<Words>(
      __builtin_ia32_pmaddwd256(reinterpret_cast<Shorts>(a), reinterpret_cast<Shorts>(b)));
#elif defined(__clang__)
  return reinterpret_cast<Words>(
      __builtin_ia32_pmaddwd512(reinterpret_cast<Shorts>(a), reinterpret_cast<Shorts>(b)));
#else
  const Ints unused{};
  return reinterpret_cast<Words>(__builtin_ia32_pmaddwd512_mask(
      reinterpret_cast<Shorts>(a), reinterpret_cast<Shorts>(b), unused, 0xffff));
#endif
#else
  const Words low = reinterpret_cast<Words>(((a << 16) >> 16) * ((b << 16) >> 16));
  return low + reinterpret_cast<Words>((a >> 16) * (b >> 16));
#endif
}

}  // namespace
}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
