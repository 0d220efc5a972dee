// The loops of resizing 8-bit RGB.
//
// Rows are taken in pairs: a lane of 32 bits holds a value of an even row (or column) and, 16 bits
// higher, that of the next. With weights laid out alike, one multiply-add serves two of them.
// A weight of 22 bits is split into two of 16, w = 256 high + low: both sums are exact, and so is
// 256 * sum(high) + sum(low) modulo 2^32, which is the sum that Pillow computes in 32 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/simd/dispatch.h"

namespace edgewright {

// Output i is the sum over j < count of pair first[i] + j times the weights of place i * count + j
// in `high` and `low`. All outputs have the same count, so that the processor foresees the end of
// each loop; pairs behind the last one of the input have the weight 0.
struct PairWeightsView {
  const std::int32_t* first;
  const std::int32_t* high;
  const std::int32_t* low;
  std::size_t count;
  std::size_t size;  // outputs
};

// Rows that `resize_columns` takes at once.
inline constexpr std::size_t kRowGroup = 4;
// Lanes of a pixel: red, green, blue and one that is zero.
inline constexpr std::size_t kPixelLanes = 4;
// `resize_rows` works on a multiple of so many lanes.
inline constexpr std::size_t kLaneRound = 32;

struct ResizeLoops {
  // Resizes four rows of `width` RGB pixels and writes them as two rows of pairs (rows 0 and 1,
  // rows 2 and 3), `kPixelLanes` lanes a pixel. `scratch` has room for `scratch_pairs` times 16
  // lanes, and at least for those of one output.
  void (*resize_columns)(const std::uint8_t* const* rows, std::size_t width,
                         const PairWeightsView& weights, std::int32_t* scratch,
                         std::size_t scratch_pairs, std::int32_t* const* outputs);
  // Writes the pairs of two rows of `size` bytes.
  void (*pair_rows)(const std::uint8_t* even, const std::uint8_t* odd, std::size_t size,
                    std::int32_t* output);
  // Writes output `i` of `weights` over rows of pairs; pairs[j] is the row of pair first[i] + j.
  // Each lane becomes one value, 0 to 255. `size` is a multiple of `kLaneRound`.
  void (*resize_rows)(const std::int32_t* const* pairs, const PairWeightsView& weights,
                      std::size_t i, std::size_t size, std::int32_t* output);
};

EDGEWRIGHT_DISPATCH(ResizeLoops, resize_loops)

}  // namespace edgewright
