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
double distance(std::size_t size, const std::vector<float>& signals, const std::vector<float>& real,
                const std::vector<float>& imag) {
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
      const std::size_t i = k * kLanes + l;
      largest = std::max(largest, std::abs(re - static_cast<double>(real[i])));
      largest = std::max(largest, std::abs(im - static_cast<double>(imag[i])));
    }
  }
  return largest;
}

void test_both_directions() {
  // Radices 4, 2, 3, 5 and 7, their mixtures, primes, and the smallest sizes.
  for (const std::size_t size :
       {2u, 4u, 6u, 8u, 14u, 22u, 30u, 62u, 256u, 400u, 402u, 480u, 512u}) {
    const RealFft fft(size);
    const std::vector<float> signals = make_signals(size);
    std::vector<float> real(fft.num_bins() * kLanes), imag(real.size());
    std::vector<float> again(signals.size()), work(fft.work_size());
    fft.forward(signals.data(), real.data(), imag.data(), work.data());
    CHECK(distance(size, signals, real, imag) < 3e-5);
    fft.inverse(real.data(), imag.data(), again.data(), work.data());
    for (std::size_t i = 0; i < signals.size(); ++i) {
      CHECK(std::abs(again[i] - signals[i]) < 2e-6f);
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
  test_odd_sizes_are_refused();
  return exit_code();
}
