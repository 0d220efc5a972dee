#include <algorithm>
#include <cmath>
#include <vector>

#include "core/fft.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

std::vector<float> make_signals(std::size_t size) {
  std::vector<float> signals(size * kLanes);
  unsigned state = 1;
  for (float& value : signals) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
  }
  return signals;
}

// Largest distance of the transform of each lane to the sum that defines it, in double.
double distance(std::size_t size, const std::vector<float>& signals, const float* spectrum) {
  double largest = 0.0;
  for (std::size_t k = 0; k <= size / 2; ++k) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      double re = 0.0, im = 0.0;
      for (std::size_t n = 0; n < size; ++n) {
        const double angle =
            2.0 * std::acos(-1.0) * static_cast<double>(k * n % size) / static_cast<double>(size);
        re += static_cast<double>(signals[n * kLanes + l]) * std::cos(angle);
        im -= static_cast<double>(signals[n * kLanes + l]) * std::sin(angle);
      }
      const float* const bin = spectrum + 2 * k * kLanes + l;
      largest = std::max(largest, std::abs(re - static_cast<double>(bin[0])));
      largest = std::max(largest, std::abs(im - static_cast<double>(bin[kLanes])));
    }
  }
  return largest;
}

// Row n of `signals` belongs to the even or the odd samples.
float* row_of(Planes planes, std::size_t n) {
  return (n % 2 == 0 ? planes.real : planes.imag) + n / 2 * kLanes;
}

void load(const std::vector<float>& signals, Planes planes) {
  for (std::size_t n = 0; n < signals.size() / kLanes; ++n) {
    std::copy_n(signals.data() + n * kLanes, kLanes, row_of(planes, n));
  }
}

// Radices 4, 2, 3, 5 and 7, their mixtures, primes, and the smallest sizes.
constexpr std::size_t kSizes[] = {2, 4, 6, 8, 14, 22, 30, 62, 256, 400, 402, 480, 512};

void test_both_directions() {
  for (const std::size_t size : kSizes) {
    const RealFft fft(size);
    const std::vector<float> signals = make_signals(size);
    std::vector<float> spectrum(2 * fft.num_bins() * kLanes);
    FftBuffers buffers(fft);
    load(signals, buffers.signal());
    fft.forward(buffers, spectrum.data());
    CHECK(distance(size, signals, spectrum.data()) < 3e-5);
    fft.inverse(spectrum.data(), buffers);
    for (std::size_t i = 0; i < signals.size(); ++i) {
      const std::size_t n = i / kLanes, row = 2 * fft.order()[n / 2] + n % 2;
      CHECK(std::abs(row_of(buffers.signal(), row)[i % kLanes] - signals[i]) < 2e-6f);
    }
  }
}

void test_the_power_is_that_of_the_spectrum() {
  for (const std::size_t size : kSizes) {
    const RealFft fft(size);
    const std::vector<float> signals = make_signals(size);
    std::vector<float> spectrum(2 * fft.num_bins() * kLanes), powers(fft.num_bins() * kLanes);
    FftBuffers buffers(fft);
    load(signals, buffers.signal());
    fft.forward(buffers, spectrum.data());
    load(signals, buffers.signal());
    fft.power(buffers, powers.data());
    for (std::size_t i = 0; i < powers.size(); ++i) {
      const float* const bin = spectrum.data() + 2 * (i / kLanes) * kLanes + i % kLanes;
      CHECK(powers[i] == bin[0] * bin[0] + bin[kLanes] * bin[kLanes]);
    }
  }
}

void test_odd_sizes_are_refused() {
  CHECK(refuses([] { RealFft fft(5); }, "n_fft"));
  CHECK(refuses([] { RealFft fft(0); }, "n_fft"));
}

}  // namespace

int main() {
  test_both_directions();
  test_the_power_is_that_of_the_spectrum();
  test_odd_sizes_are_refused();
  return exit_code();
}
