#include <cmath>
#include <vector>

#include "core/griffin_lim.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

LogMelOptions make_options() {
  LogMelOptions options;
  options.mel.n_fft = 256;
  options.mel.num_mel_bins = 20;
  options.mel.high_frequency = 8000.0;
  options.win_length = 256;
  options.hop_length = 64;
  options.periodic = true;
  options.padding = Padding::kReflect;
  options.floor = 1e-6f;
  return options;
}

void test_the_features_of_a_tone_come_back() {
  std::vector<float> tone(64 * 40);
  for (std::size_t n = 0; n < tone.size(); ++n) {
    tone[n] = 0.5f * std::sin(6.2831853f * 0.0625f * static_cast<float>(n));
  }
  const LogMel log_mel(make_options());
  const std::size_t frames = log_mel.num_frames(tone.size());
  std::vector<float> mel(frames * 20), again(mel.size());
  log_mel.compute(tone.data(), tone.size(), mel.data());
  const GriffinLim griffin_lim(make_options(), 32, 0.99f);
  std::vector<float> waveform(griffin_lim.num_samples(frames)), second(waveform.size());
  CHECK(waveform.size() == tone.size());
  griffin_lim.compute(mel.data(), frames, waveform.data());
  griffin_lim.compute(mel.data(), frames, second.data());
  CHECK(waveform == second);
  log_mel.compute(waveform.data(), waveform.size(), again.data());
  std::size_t loudest = 0;
  for (std::size_t m = 0; m < 20; ++m) {
    if (mel[20 * 20 + m] > mel[20 * 20 + loudest]) loudest = m;
  }
  CHECK(std::abs(again[20 * 20 + loudest] - mel[20 * 20 + loudest]) < 0.3f);
}

void test_the_shortest_inputs() {
  const GriffinLim griffin_lim(make_options(), 2, 0.99f);
  CHECK(griffin_lim.num_samples(0) == 0 && griffin_lim.num_samples(1) == 0);
  griffin_lim.compute(nullptr, 0, nullptr);
  const std::vector<float> mel(2 * 20, -1.0f);
  std::vector<float> waveform(64, 9.0f);
  griffin_lim.compute(mel.data(), 2, waveform.data());
  for (const float sample : waveform) CHECK(std::abs(sample) < 2.0f);
}

void test_features_that_are_not_plain_are_refused() {
  LogMelOptions options = make_options();
  options.normalize = true;
  CHECK(refuses([&] { GriffinLim(options, 2, 0.99f); }, "mel"));
}

}  // namespace

int main() {
  test_the_features_of_a_tone_come_back();
  test_the_shortest_inputs();
  test_features_that_are_not_plain_are_refused();
  return exit_code();
}
