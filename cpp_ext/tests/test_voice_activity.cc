#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "core/voice_activity.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

constexpr std::size_t kFrame = 160;

// A tone of 1 kHz, `frames` long.
void append_tone(std::vector<float>& waveform, std::size_t frames, double amplitude) {
  for (std::size_t i = 0; i < frames * kFrame; ++i) {
    const double phase = 6.283185307179586 * static_cast<double>(i) / 16;
    waveform.push_back(static_cast<float>(amplitude * std::sin(phase)));
  }
}

std::vector<bool> decisions(VoiceActivity& detector, const std::vector<float>& waveform,
                            std::size_t piece) {
  std::vector<bool> found;
  for (std::size_t start = 0; start < waveform.size(); start += piece) {
    const std::size_t size = std::min(piece, waveform.size() - start);
    const std::size_t ready = detector.num_ready(size);
    const auto speech = std::make_unique<bool[]>(ready);
    detector.feed(waveform.data() + start, size, speech.get());
    found.insert(found.end(), speech.get(), speech.get() + ready);
  }
  return found;
}

void test_attack_and_hangover() {
  std::vector<float> waveform(20 * kFrame);
  append_tone(waveform, 30, 0.1);
  waveform.resize(100 * kFrame);
  VoiceActivity detector{VoiceActivityOptions{}};
  const std::vector<bool> found = decisions(detector, waveform, waveform.size());
  CHECK(found.size() == 100);
  const auto first = std::find(found.begin(), found.end(), true);
  const auto end = std::find(first, found.end(), false);
  CHECK(first - found.begin() == 20 + 3);
  // The filter rings on for a frame or two.
  CHECK(end - found.begin() >= 50 + 10);
  CHECK(end - found.begin() <= 50 + 12);
  CHECK(std::find(end, found.end(), true) == found.end());
}

void test_pieces_and_reset() {
  std::vector<float> waveform(997);
  for (int burst = 0; burst < 5; ++burst) {
    append_tone(waveform, 7, 0.02 * burst);
    waveform.resize(waveform.size() + 3001);
  }
  VoiceActivity whole{VoiceActivityOptions{}};
  const std::vector<bool> expected = decisions(whole, waveform, waveform.size());
  VoiceActivity detector{VoiceActivityOptions{}};
  for (std::size_t piece : {1, 79, 159, 160, 161, 4000}) {
    CHECK(decisions(detector, waveform, piece) == expected);
    detector.reset();
  }
}

void test_a_steady_sound_becomes_the_floor() {
  std::vector<float> waveform;
  append_tone(waveform, 400, 0.3);
  VoiceActivityOptions options;
  options.noise_frames = 100;
  VoiceActivity detector{options};
  const std::vector<bool> found = decisions(detector, waveform, 1000);
  CHECK(found[100]);
  CHECK(std::find(found.begin() + 130, found.end(), true) == found.end());
}

void test_refusals() {
  VoiceActivityOptions options;
  options.noise_frames = 0;
  CHECK(refuses([&] { VoiceActivity{options}; }, "empty size"));
  options = VoiceActivityOptions{};
  options.high_pass_frequency = 8000;
  CHECK(refuses([&] { VoiceActivity{options}; }, "half sample_rate"));
}

}  // namespace

int main() {
  test_attack_and_hangover();
  test_pieces_and_reset();
  test_a_steady_sound_becomes_the_floor();
  test_refusals();
  return exit_code();
}
