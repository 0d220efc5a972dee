// Vectors as wide as the registers of the instruction set that a source is compiled for.
//
// The vector extension of GCC and Clang: + - * /, comparisons (lanes of 0 or -1) and & | work lane
// by lane on any architecture. Everything here has internal linkage, so that no function compiled
// for one instruction set can be linked into the code of another; sources in core/simd/ therefore
// include no standard header that defines functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

constexpr std::size_t kVectorBytes = EDGEWRIGHT_VECTOR_BYTES;
constexpr std::size_t kWidth = kVectorBytes / sizeof(float);  // lanes of 32 bits

typedef float Floats __attribute__((vector_size(EDGEWRIGHT_VECTOR_BYTES)));
typedef std::int32_t Ints __attribute__((vector_size(EDGEWRIGHT_VECTOR_BYTES)));

template <class Vector, class Element>
inline __attribute__((always_inline)) Vector load(const Element* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}

template <class Vector, class Element>
inline __attribute__((always_inline)) void store(Element* to, Vector vector) {
  __builtin_memcpy(to, &vector, sizeof vector);
}

// Whether any lane is not 0.
inline __attribute__((always_inline)) bool any(Ints lanes) {
  std::uint64_t words[kVectorBytes / sizeof(std::uint64_t)], all = 0;
  __builtin_memcpy(words, &lanes, sizeof words);
  for (const std::uint64_t word : words) all |= word;
  return all != 0;
}

// 0, 1, 2, … in the lanes.
inline __attribute__((always_inline)) Ints lane_numbers() {
  Ints numbers{};
  for (std::size_t lane = 0; lane < kWidth; ++lane) numbers[lane] = static_cast<std::int32_t>(lane);
  return numbers;
}

template <class Vector>
inline __attribute__((always_inline)) Vector larger(Vector a, Vector b) {
  return a > b ? a : b;
}

template <class Vector>
inline __attribute__((always_inline)) Vector smaller(Vector a, Vector b) {
  return a < b ? a : b;
}

}  // namespace
}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
