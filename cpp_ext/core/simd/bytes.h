// Vectors of bytes, and what x86 does with them in one instruction for which the vector extension
// has no portable name. At most 32 bytes: lines of sequences have 60 to 150 letters, of which wider
// registers would leave too many over.
#pragma once

#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

constexpr std::size_t kByteLanes = kVectorBytes < 32 ? kVectorBytes : 32;
typedef unsigned char Bytes __attribute__((vector_size(kByteLanes)));

#if defined(__SSE2__)
// Lanes in front of the first one with its highest bit set.
inline __attribute__((always_inline)) std::size_t lanes_before(Bytes flags) {
  typedef char Chars __attribute__((vector_size(kByteLanes)));
#if EDGEWRIGHT_VECTOR_BYTES >= 32
  const int mask = __builtin_ia32_pmovmskb256(reinterpret_cast<Chars>(flags));
#else
  const int mask = __builtin_ia32_pmovmskb128(reinterpret_cast<Chars>(flags));
#endif
  if (mask == 0) return kByteLanes;
  return static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
}
#else
inline std::size_t lanes_before(Bytes flags) {
  std::uint64_t words[kByteLanes / sizeof(std::uint64_t)], all = 0;
  __builtin_memcpy(words, &flags, sizeof words);
  for (const std::uint64_t word : words) all |= word;
  if ((all & 0x8080808080808080) == 0) return kByteLanes;
  std::size_t lane = 0;
  while (lane < kByteLanes && flags[lane] < 0x80) ++lane;
  return lane;
}
#endif

#if defined(__SSSE3__)
#define EDGEWRIGHT_BYTE_SHUFFLE 1
// Lane i is the byte of `table` that `order[i]` says, within 16 bytes; 0 where that is 0x80 or
// more.
inline __attribute__((always_inline)) Bytes shuffled(Bytes table, Bytes order) {
  typedef char Chars __attribute__((vector_size(kByteLanes)));
  const auto chars = reinterpret_cast<Chars>(table), places = reinterpret_cast<Chars>(order);
#if EDGEWRIGHT_VECTOR_BYTES >= 32
  return reinterpret_cast<Bytes>(__builtin_ia32_pshufb256(chars, places));
#else
  return reinterpret_cast<Bytes>(__builtin_ia32_pshufb128(chars, places));
#endif
}
#endif

}  // namespace
}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
