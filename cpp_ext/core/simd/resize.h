// The two passes of separable resampling of packed pixels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/simd/dispatch.h"

namespace edgewright {

// Rows that one call of `width` handles, one in each lane.
inline constexpr std::size_t kResizeRows = 16;

// Output i is the sum of weights[i * stride + j] * input[first[i] + j] over j < count[i], plus
// `half`, shifted right by `bits` and cut to 0 ... 255.
struct ResizeTable {
  std::size_t size;
  const int* first;
  const int* count;
  const std::int32_t* weights;
  std::size_t stride;
  std::int32_t half;
  int bits;
};

// The same sums over pairs of inputs 2 p and 2 p + 1. A weight is high * 2^11 + low; `high` and
// `low` hold those of the first input in their lower and of the second one in their upper 16 bits.
struct PairTable {
  std::size_t size;
  const std::uint32_t* first;  // pair
  const std::uint32_t* count;  // pairs
  const std::int32_t* high;    // one output after another
  const std::int32_t* low;
  std::int32_t half;
  int bits;
};

struct ResizeLoops {
  // Resizes `count` rows of `columns` RGB pixels to table.size pixels each.
  void (*width)(const std::uint8_t* const* rows, std::size_t count, std::size_t columns,
                const PairTable& table, std::uint8_t* scratch, std::uint8_t* const* outputs);
  // Writes output row `i` of `size` bytes from input rows `pitch` bytes apart.
  void (*height)(const std::uint8_t* rows, std::size_t pitch, std::size_t size,
                 const ResizeTable& table, std::size_t i, std::uint8_t* output);
};

// Bytes of `scratch` for rows of `columns` pixels that become `size` ones.
inline std::size_t resize_scratch_size(std::size_t columns, std::size_t size) {
  const std::size_t lanes = 3 * (columns + size + kResizeRows), pairs = 3 * (columns + 1) / 2 * 4;
  return (lanes + pairs) * kResizeRows;
}

EDGEWRIGHT_DISPATCH(ResizeLoops, resize_loops)

}  // namespace edgewright
