#include "core/log_mel.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace edgewright {

std::vector<float> pad(const std::vector<float>& waveform, std::size_t edge, bool reflect) {
  const std::size_t n = waveform.size();
  if (reflect && n <= edge) {
    throw std::invalid_argument(
        "waveform: got too few samples to mirror, expected more than half n_fft");
  }
  std::vector<float> padded(n + 2 * edge, 0.0f);
  std::copy(waveform.begin(), waveform.end(), padded.begin() + static_cast<std::ptrdiff_t>(edge));
  for (std::size_t i = 0; reflect && i < edge; ++i) {
    padded[edge - 1 - i] = waveform[1 + i];
    padded[edge + n + i] = waveform[n - 2 - i];
  }
  return padded;
}

LogMel::LogMel(const LogMelOptions& options)
    : options_(options),
      fft_(options.mel.n_fft),
      filters_(make_mel_filters(options.mel)),
      offset_(options.padding == Padding::kNone ? 0
                                                : (options.mel.n_fft - options.win_length) / 2) {
  if (options.win_length < 1 || options.win_length > options.mel.n_fft || options.hop_length < 1) {
    throw std::invalid_argument("win_length, hop_length: got 0 or more than n_fft");
  }
  for (const double w : make_window(options.window, options.win_length, options.periodic)) {
    window_.push_back(static_cast<float>(w));
  }
}

std::size_t LogMel::edge() const {
  return options_.padding == Padding::kNone ? 0 : options_.mel.n_fft / 2;
}

std::size_t LogMel::num_frames(std::size_t num_samples) const {
  if (options_.padding == Padding::kNone) {
    if (num_samples < options_.win_length) return 0;
    return 1 + (num_samples - options_.win_length) / options_.hop_length;
  }
  return num_samples / options_.hop_length + (options_.normalize ? 0 : 1);
}

std::vector<float> LogMel::prepare(const float* waveform, std::size_t num_samples) const {
  std::vector<float> signal(waveform, waveform + num_samples);
  for (float& sample : signal) sample *= options_.input_scale;
  if (!options_.preemphasis_in_frame && options_.preemphasis != 0.0f) {
    for (std::size_t i = num_samples; i-- > 1;) signal[i] -= options_.preemphasis * signal[i - 1];
  }
  if (options_.padding == Padding::kNone) return signal;
  return pad(signal, edge(), options_.padding == Padding::kReflect);
}

// Copies the samples under the window into one lane; the rest of the block stays 0.
void LogMel::load(const float* frame, std::size_t lane, float* block) const {
  float* const to = block + offset_ * kLanes + lane;
  for (std::size_t i = 0; i < window_.size(); ++i) to[i * kLanes] = frame[offset_ + i];
  condition(to);
  for (std::size_t i = 0; i < window_.size(); ++i) to[i * kLanes] *= window_[i];
}

// Works on the samples of one lane, `kLanes` apart.
void LogMel::condition(float* samples) const {
  const std::size_t n = window_.size();
  if (options_.remove_dc) {
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(samples[i * kLanes]);
    const auto mean = static_cast<float>(sum / static_cast<double>(n));
    for (std::size_t i = 0; i < n; ++i) samples[i * kLanes] -= mean;
  }
  if (options_.preemphasis_in_frame && options_.preemphasis != 0.0f) {
    const float c = options_.preemphasis;
    for (std::size_t i = n; i-- > 1;) samples[i * kLanes] -= c * samples[(i - 1) * kLanes];
    samples[0] -= c * samples[0];
  }
}

// Overwrites `imag` with the power or the magnitude of each bin.
void LogMel::power(const float* real, float* imag) const {
  const std::size_t n = fft_.num_bins() * kLanes;
  for (std::size_t i = 0; i < n; ++i) imag[i] = real[i] * real[i] + imag[i] * imag[i];
  if (options_.squared) return;
  for (std::size_t i = 0; i < n; ++i) imag[i] = std::sqrt(imag[i]);
}

void LogMel::filter(const float* spectrum, std::size_t count, float* features) const {
  for (std::size_t m = 0; m < filters_.size(); ++m) {
    float sums[kLanes] = {};
    const float* bins = spectrum + filters_[m].first * kLanes;
    for (const float weight : filters_[m].weights) {
      for (std::size_t l = 0; l < kLanes; ++l) sums[l] += weight * bins[l];
      bins += kLanes;
    }
    for (std::size_t l = 0; l < count; ++l) {
      const float sum =
          options_.floor_is_added ? sums[l] + options_.floor : std::max(sums[l], options_.floor);
      features[l * filters_.size() + m] = std::log(sum);
    }
  }
}

void LogMel::normalize(float* features, std::size_t frames) const {
  const std::size_t bins = filters_.size();
  for (std::size_t m = 0; m < bins; ++m) {
    double sum = 0.0, squares = 0.0;
    for (std::size_t t = 0; t < frames; ++t) sum += static_cast<double>(features[t * bins + m]);
    const double mean = sum / static_cast<double>(frames);
    for (std::size_t t = 0; t < frames; ++t) {
      const double difference = static_cast<double>(features[t * bins + m]) - mean;
      squares += difference * difference;
    }
    // One frame has no deviation; it becomes 0.
    const double std = frames > 1 ? std::sqrt(squares / static_cast<double>(frames - 1)) : 0.0;
    for (std::size_t t = 0; t < frames; ++t) {
      float& value = features[t * bins + m];
      value = static_cast<float>((static_cast<double>(value) - mean) / (std + 1e-5));
    }
  }
}

void LogMel::compute(const float* waveform, std::size_t num_samples, float* features) const {
  const std::size_t frames = num_frames(num_samples);
  if (frames == 0) return;
  const std::vector<float> signal = prepare(waveform, num_samples);
  std::vector<float> block(fft_.size() * kLanes, 0.0f), work(fft_.work_size());
  std::vector<float> real(fft_.num_bins() * kLanes), imag(real.size());
  for (std::size_t first = 0; first < frames; first += kLanes) {
    const std::size_t count = std::min(kLanes, frames - first);
    for (std::size_t lane = 0; lane < count; ++lane) {
      load(signal.data() + (first + lane) * options_.hop_length, lane, block.data());
    }
    fft_.forward(block.data(), real.data(), imag.data(), work.data());
    power(real.data(), imag.data());
    filter(imag.data(), count, features + first * filters_.size());
  }
  if (options_.normalize) normalize(features, frames);
}

}  // namespace edgewright
