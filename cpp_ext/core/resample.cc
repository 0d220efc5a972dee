#include "core/resample.h"

#include <algorithm>
#include <cmath>

namespace edgewright {
namespace {

// Triangle on [-1, 1].
double bilinear(double x) { return std::max(1.0 - std::abs(x), 0.0); }

// Cubic convolution on [-2, 2] with a = -1/2 (R. Keys, IEEE Trans. ASSP 29(6), 1981).
double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

// Rounds half away from zero, as Pillow does, by cutting off.
std::int32_t to_fixed(double weight) {
  return static_cast<std::int32_t>(weight * (1 << kWeightBits) + (weight < 0.0 ? -0.5 : 0.5));
}

}  // namespace

ResampleWeights resample_weights(Filter filter, int in_size, int out_size, int begin, int end) {
  const auto kernel = filter == Filter::kBilinear ? bilinear : bicubic;
  const double scale = static_cast<double>(in_size) / out_size;
  const double stretch = std::max(scale, 1.0);
  const double support = (filter == Filter::kBilinear ? 1.0 : 2.0) * stretch;
  const auto num_outputs = static_cast<std::size_t>(end - begin);

  ResampleWeights result;
  result.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  result.first.reserve(num_outputs);
  result.count.reserve(num_outputs);
  result.weights.resize(num_outputs * result.stride);
  std::vector<double> exact(result.stride);
  for (int i = begin; i < end; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), in_size);
    const auto count = static_cast<std::size_t>(last - first);
    double sum = 0.0;
    for (std::size_t j = 0; j < count; ++j) {
      exact[j] = kernel((static_cast<double>(j) + first - center + 0.5) * (1.0 / stretch));
      sum += exact[j];
    }
    std::int32_t* weights =
        result.weights.data() + static_cast<std::size_t>(i - begin) * result.stride;
    for (std::size_t j = 0; j < count; ++j) weights[j] = to_fixed(exact[j] / sum);
    result.first.push_back(first);
    result.count.push_back(last - first);
  }
  return result;
}

PairWeights pair_weights(const ResampleWeights& weights) {
  PairWeights result;
  const std::size_t num_outputs = weights.first.size();
  int most = 0;
  for (std::size_t i = 0; i < num_outputs; ++i) {
    const int first = weights.first[i] / 2;
    result.first.push_back(first);
    most = std::max(most, (weights.first[i] + weights.count[i] + 1) / 2 - first);
  }
  result.count = static_cast<std::size_t>(most);
  result.high.resize(num_outputs * result.count);
  result.low.resize(num_outputs * result.count);
  for (std::size_t i = 0; i < num_outputs; ++i) {
    for (int j = 0; j < weights.count[i]; ++j) {
      const int place = weights.first[i] % 2 + j;
      const std::size_t pair = i * result.count + static_cast<std::size_t>(place / 2);
      const std::int32_t weight = weights.weight(i)[j];
      const int shift = place % 2 * 16;
      const auto high = static_cast<std::uint32_t>((weight >> 8) & 0xffff) << shift;
      result.high[pair] |= static_cast<std::int32_t>(high);
      result.low[pair] |= (weight & 0xff) << shift;
    }
  }
  return result;
}

}  // namespace edgewright
