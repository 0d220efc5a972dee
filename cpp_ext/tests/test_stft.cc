#include <cmath>
#include <vector>

#include "core/stft.h"
#include "core/window.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

void test_the_inverse_restores_the_signal() {
  for (const std::size_t frames : {1u, 7u, 15u, 16u, 17u, 40u}) {
    const Stft stft(60, 12, make_window(Window::kHann, 48, true));
    const std::size_t length = stft.padded_size(frames);
    std::vector<float> signal(length + kLanes), again(length);
    for (std::size_t n = 0; n < length; ++n) {
      signal[n] = std::sin(0.37f * static_cast<float>(n)) + 0.1f * static_cast<float>(n % 5);
    }
    StftWorkspace workspace(stft.fft());
    std::vector<float> spectrum(stft.spectrum_size(frames));
    stft.analyse(signal.data(), frames, workspace, spectrum.data());
    stft.synthesise(spectrum.data(), frames, stft.inverse_envelope(frames), workspace,
                    again.data());
    for (std::size_t n = stft.edge(); n + stft.edge() < length; ++n) {
      CHECK(std::abs(again[n] - signal[n]) < 1e-5f);
    }
  }
}

void test_edges() {
  std::vector<float> padded{0, 0, 1, 2, 3, 0, 0};
  fill_edges(padded.data(), 7, 2, true);
  CHECK((padded == std::vector<float>{3, 2, 1, 2, 3, 2, 1}));
  fill_edges(padded.data(), 7, 2, false);
  CHECK((padded == std::vector<float>{0, 0, 1, 2, 3, 0, 0}));
}

void test_wrong_sizes_are_refused() {
  CHECK(refuses([] { Stft(8, 2, make_window(Window::kHann, 9, true)); }, "win_length"));
  CHECK(refuses([] { Stft(8, 0, make_window(Window::kHann, 8, true)); }, "hop_length"));
}

}  // namespace

int main() {
  test_the_inverse_restores_the_signal();
  test_edges();
  test_wrong_sizes_are_refused();
  return exit_code();
}
