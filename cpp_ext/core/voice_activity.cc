#include "core/voice_activity.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace edgewright {
namespace {

constexpr double kPi = 3.14159265358979323846;
// 2 cos(3 pi / 8) and 2 cos(pi / 8): the pole pairs of a Butterworth filter of order 4. Literals,
// because a compiler and a library may round a cosine differently.
constexpr double kDamping[2] = {0.7653668647301796, 1.8477590650225735};
constexpr double kLeastPower = 1e-10;
constexpr double kLeastLevel = -100;
constexpr double kSmoothing = 0.3;
constexpr double kInaudible = 1e-30;

const VoiceActivityOptions& checked(const VoiceActivityOptions& options) {
  if (options.frame_samples == 0 || options.attack_frames == 0 || options.noise_frames == 0) {
    throw std::invalid_argument("frames: got an empty size, expected at least 1");
  }
  if (!(options.high_pass_frequency > 0 && options.high_pass_frequency < options.sample_rate / 2)) {
    throw std::invalid_argument(
        "high_pass_frequency: got one out of range, expected above 0 and below half sample_rate");
  }
  return options;
}

double tangent(const VoiceActivityOptions& options) {
  return std::tan(kPi * options.high_pass_frequency / options.sample_rate);
}

}  // namespace

// The bilinear transform of s^2 / (s^2 + damping s + 1), s in units of the cut-off.
HighPassSection::HighPassSection(double tangent, double damping)
    : gain_(1 / (1 + damping * tangent + tangent * tangent)),
      a1_(2 * (tangent * tangent - 1) * gain_),
      a2_((1 - damping * tangent + tangent * tangent) * gain_) {}

void HighPassSection::flush() {
  for (double* value : {&x1_, &x2_, &y1_, &y2_}) {
    if (std::abs(*value) < kInaudible) *value = 0;
  }
}

VoiceActivity::VoiceActivity(const VoiceActivityOptions& options)
    : options_(checked(options)),
      high_pass_{HighPassSection(tangent(options), kDamping[0]),
                 HighPassSection(tangent(options), kDamping[1])},
      smoothed_levels_(options.noise_frames) {
  reset();
}

void VoiceActivity::reset() {
  for (HighPassSection& section : high_pass_) section.reset();
  num_samples_ = position_ = run_ = 0;
  energy_ = 0;
  smoothed_ = floor_ = kLeastLevel;
  std::fill(smoothed_levels_.begin(), smoothed_levels_.end(), kLeastLevel);
  is_speech_ = false;
}

std::size_t VoiceActivity::num_ready(std::size_t num_samples) const {
  return (num_samples_ + num_samples) / options_.frame_samples;
}

void VoiceActivity::feed(const float* samples, std::size_t num_samples, bool* speech) {
  while (num_samples > 0) {
    const std::size_t taken = std::min(num_samples, options_.frame_samples - num_samples_);
    add(samples, taken);
    samples += taken;
    num_samples -= taken;
    if (num_samples_ < options_.frame_samples) return;
    const double level = finish_level();
    *speech++ = decide(level, update_floor(level));
  }
}

void VoiceActivity::add(const float* samples, std::size_t num_samples) {
  // Copies stay in registers.
  HighPassSection first = high_pass_[0], second = high_pass_[1];
  double energy = energy_;
  for (std::size_t i = 0; i < num_samples; ++i) {
    const double y = second(first(static_cast<double>(samples[i])));
    energy += y * y;
  }
  high_pass_ = {first, second};
  energy_ = energy;
  num_samples_ += num_samples;
}

double VoiceActivity::finish_level() {
  const double power = energy_ / static_cast<double>(options_.frame_samples);
  energy_ = 0;
  num_samples_ = 0;
  for (HighPassSection& section : high_pass_) section.flush();
  return 10 * std::log10(power + kLeastPower);
}

double VoiceActivity::update_floor(double level) {
  smoothed_ += kSmoothing * (level - smoothed_);
  const double expired = std::exchange(smoothed_levels_[position_], smoothed_);
  position_ = (position_ + 1) % smoothed_levels_.size();
  const bool least_stays = expired > floor_ || smoothed_ <= floor_;
  floor_ = least_stays ? std::min(floor_, smoothed_)
                       : *std::min_element(smoothed_levels_.begin(), smoothed_levels_.end());
  return floor_;
}

bool VoiceActivity::decide(double level, double floor) {
  const double margin = is_speech_ ? options_.silence_margin_db : options_.speech_margin_db;
  const bool loud = level >= std::max(options_.least_level_db, floor + margin);
  const std::size_t kept = is_speech_ ? options_.hangover_frames : options_.attack_frames - 1;
  run_ = loud == is_speech_ ? 0 : run_ + 1;
  if (run_ > kept) {
    is_speech_ = !is_speech_;
    run_ = 0;
  }
  return is_speech_;
}

}  // namespace edgewright
