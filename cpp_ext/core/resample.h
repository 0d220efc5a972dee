// Weights of separable image resampling with antialiasing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/simd/resize.h"

namespace edgewright {

enum class Filter { kBilinear, kBicubic };

// Bits behind the binary point of a weight: 32 less 8 of a pixel and 2 for overshoot and sign.
inline constexpr int kWeightBits = 22;

// The weights of some output positions along one axis. Output i is the sum of
// `weight(i)[j] * pixel[first[i] + j]` over j in [0, count[i]).
struct ResampleWeights {
  std::vector<int> first;
  std::vector<int> count;
  std::size_t stride = 0;  // room for one output in `weights`
  std::vector<std::int32_t> weights;

  const std::int32_t* weight(std::size_t i) const { return weights.data() + i * stride; }
};

// Returns the weights of the outputs [begin, end) of an axis that is resized from `in_size` to
// `out_size`.
//
// Output i is centred at c = (i + 1/2) s with s = in_size / out_size in input pixels. When the axis
// shrinks, the filter is stretched by s, so that every input pixel counts (antialiasing):
//
//     w_j = f((j + 1/2 - c) / max(s, 1)),   |j + 1/2 - c| <~ support * max(s, 1)
//
// normalized to sum 1 in double and rounded to `kWeightBits` bits: the weights of Pillow's
// `Image.resize` for 8-bit images, bit for bit.
ResampleWeights resample_weights(Filter filter, int in_size, int out_size, int begin, int end);

// The same weights for inputs that are taken in pairs (0, 1), (2, 3), … (see core/simd/resize.h).
struct PairWeights {
  std::vector<std::int32_t> first;
  std::vector<std::int32_t> high;
  std::vector<std::int32_t> low;
  std::size_t count;  // pairs of one output

  PairWeightsView view() const {
    return {first.data(), high.data(), low.data(), count, first.size()};
  }
};

PairWeights pair_weights(const ResampleWeights& weights);

}  // namespace edgewright
