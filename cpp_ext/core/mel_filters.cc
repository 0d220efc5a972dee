#include "core/mel_filters.h"

#include <algorithm>
#include <cmath>

namespace edgewright {
namespace {

constexpr double kSlaneyKnee = 1000.0;  // Hz
constexpr double kSlaneyKneeMel = 15.0;
const double kSlaneyStep = std::log(6.4) / 27.0;

double to_mel(MelScale scale, double hertz) {
  if (scale == MelScale::kHtk) return 2595.0 * std::log10(1.0 + hertz / 700.0);
  if (hertz < kSlaneyKnee) return hertz * 3.0 / 200.0;
  return kSlaneyKneeMel + std::log(hertz / kSlaneyKnee) / kSlaneyStep;
}

double to_hertz(MelScale scale, double mel) {
  if (scale == MelScale::kHtk) return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0);
  if (mel < kSlaneyKneeMel) return mel * 200.0 / 3.0;
  return kSlaneyKnee * std::exp((mel - kSlaneyKneeMel) * kSlaneyStep);
}

// Height at x of the triangle with feet `left` and `right` and its top, 1, at `top`.
double triangle(double x, double left, double top, double right) {
  return std::max(0.0, std::min((x - left) / (top - left), (right - x) / (right - top)));
}

}  // namespace

MelFilters::MelFilters(const MelOptions& options) {
  const double low = to_mel(options.scale, options.low_frequency);
  const double high = to_mel(options.scale, options.high_frequency);
  const double step = (high - low) / static_cast<double>(options.num_mel_bins + 1);
  const double bin_width = options.sample_rate / static_cast<double>(options.n_fft);
  for (std::size_t m = 0; m < options.num_mel_bins; ++m) {
    double points[3], hertz[3];
    for (std::size_t i = 0; i < 3; ++i) {
      points[i] = low + step * static_cast<double>(m + i);
      hertz[i] = to_hertz(options.scale, points[i]);
      if (!options.triangles_in_mel) points[i] = hertz[i];
    }
    const double gain = options.slaney_norm ? 2.0 / (hertz[2] - hertz[0]) : 1.0;
    std::uint32_t first = 0, count = 0;
    for (std::size_t k = 0; k <= options.n_fft / 2; ++k) {
      const double frequency = bin_width * static_cast<double>(k);
      const double x = options.triangles_in_mel ? to_mel(options.scale, frequency) : frequency;
      const auto weight = static_cast<float>(gain * triangle(x, points[0], points[1], points[2]));
      if (weight <= 0.0f) continue;
      if (count++ == 0) first = static_cast<std::uint32_t>(k);
      weights_.push_back(weight);
    }
    first_.push_back(first);
    count_.push_back(count);
  }
}

}  // namespace edgewright
