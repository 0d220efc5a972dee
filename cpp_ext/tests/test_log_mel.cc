#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "core/log_mel.h"
#include "core/log_mel_stream.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

LogMelOptions make_options(Padding padding) {
  LogMelOptions options;
  options.mel.n_fft = 64;
  options.mel.num_mel_bins = 6;
  options.mel.high_frequency = 8000.0;
  options.win_length = 48;
  options.hop_length = 20;
  options.padding = padding;
  options.floor = 1e-5f;
  return options;
}

void test_frame_counts() {
  const LogMel inside(make_options(Padding::kNone)), centred(make_options(Padding::kZeros));
  CHECK(inside.num_frames(0) == 0 && inside.num_frames(47) == 0);
  CHECK(inside.num_frames(48) == 1 && inside.num_frames(68) == 2);
  CHECK(centred.num_frames(0) == 1 && centred.num_frames(19) == 1 && centred.num_frames(20) == 2);
}

void test_silence_is_the_floor() {
  for (const Padding padding : {Padding::kNone, Padding::kZeros, Padding::kReflect}) {
    const LogMel log_mel(make_options(padding));
    const std::vector<float> silence(333, 0.0f);
    std::vector<float> features(log_mel.num_frames(333) * 6, 1.0f);
    log_mel.compute(silence.data(), 333, features.data());
    for (const float value : features) CHECK(std::abs(value - std::log(1e-5f)) < 2e-6f);
  }
}

void test_a_tone_is_loudest_in_its_filter() {
  LogMelOptions options = make_options(Padding::kReflect);
  const LogMel log_mel(options);
  std::vector<float> tone(400);
  for (std::size_t n = 0; n < tone.size(); ++n) {
    tone[n] = std::sin(6.2831853f * 0.25f * static_cast<float>(n));  // 4 kHz of 16
  }
  std::vector<float> features(log_mel.num_frames(400) * 6);
  log_mel.compute(tone.data(), 400, features.data());
  // Tops of the filters at 311, 760, 1409, 2346, 3699 and 5652 Hz.
  for (std::size_t m = 0; m < 6; ++m) CHECK(features[5 * 6 + 4] >= features[5 * 6 + m]);
}

std::vector<float> noise(std::size_t size) {
  std::vector<float> samples(size);
  unsigned state = 7;
  for (float& value : samples) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
  }
  return samples;
}

// Feeds `samples` in pieces of `chunk` and returns all features.
std::vector<float> streamed(LogMelStream& stream, const std::vector<float>& samples,
                            std::size_t chunk) {
  std::vector<float> features;
  for (std::size_t n = 0; n < samples.size(); n += chunk) {
    const std::size_t size = std::min(chunk, samples.size() - n), begin = features.size();
    features.resize(begin + stream.num_ready(size) * 6);
    stream.feed(samples.data() + n, size, features.data() + begin);
  }
  const std::size_t begin = features.size();
  features.resize(begin + stream.num_last() * 6);
  stream.finish(features.data() + begin);
  return features;
}

void test_a_stream_gives_the_same_bits() {
  for (const Padding padding : {Padding::kNone, Padding::kZeros, Padding::kReflect}) {
    for (const bool in_frame : {false, true}) {
      LogMelOptions options = make_options(padding);
      options.preemphasis = 0.97f;
      options.preemphasis_in_frame = in_frame;
      options.remove_dc = true;
      const auto log_mel = std::make_shared<const LogMel>(options);
      LogMelStream stream(log_mel);
      for (const std::size_t size : {33u, 48u, 49u, 67u, 333u, 1000u}) {
        const std::vector<float> samples = noise(size);
        std::vector<float> whole(log_mel->num_frames(size) * 6);
        log_mel->compute(samples.data(), size, whole.data());
        for (const std::size_t chunk : {1u, 7u, 20u, 160u, 1000u}) {
          CHECK(streamed(stream, samples, chunk) == whole);
          stream.reset();
        }
      }
    }
  }
}

void test_normalized_features_do_not_stream() {
  LogMelOptions options = make_options(Padding::kZeros);
  options.normalize = true;
  const auto log_mel = std::make_shared<const LogMel>(options);
  CHECK(refuses([&] { LogMelStream stream(log_mel); }, "normalization"));
}

void test_mirroring_needs_samples() {
  const LogMel log_mel(make_options(Padding::kReflect));
  const std::vector<float> waveform(33, 0.5f);
  std::vector<float> features(2 * 6);
  CHECK(refuses([&] { log_mel.compute(waveform.data(), 32, features.data()); }, "waveform"));
  log_mel.compute(waveform.data(), 33, features.data());
  CHECK(std::isfinite(features[0]));
}

void test_windows() {
  CHECK(std::abs(make_window(Window::kHann, 5, false)[2] - 1.0) < 1e-15);
  CHECK(std::abs(make_window(Window::kHann, 4, true)[2] - 1.0) < 1e-15);
  CHECK(std::abs(make_window(Window::kHamming, 5, false)[0] - 0.08) < 1e-15);
  CHECK(make_window(Window::kPovey, 1, false)[0] == 1.0);
}

}  // namespace

int main() {
  test_frame_counts();
  test_silence_is_the_floor();
  test_a_tone_is_loudest_in_its_filter();
  test_a_stream_gives_the_same_bits();
  test_normalized_features_do_not_stream();
  test_mirroring_needs_samples();
  test_windows();
  return exit_code();
}
