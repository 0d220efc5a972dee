#include "core/griffin_lim.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

namespace edgewright {
namespace {

// Updates of the magnitudes; more change them by less than the phases' own error.
constexpr int kSpreadUpdates = 48;
constexpr float kTiny = 1e-30f;

void set_random_phases(const std::vector<float>& magnitudes, Spectrum& spectrum) {
  std::mt19937 engine(0);
  for (std::size_t i = 0; i < magnitudes.size(); ++i) {
    const float angle = static_cast<float>(engine()) * (6.2831853f / 4294967296.0f);
    spectrum.real[i] = magnitudes[i] * std::cos(angle);
    spectrum.imag[i] = magnitudes[i] * std::sin(angle);
  }
}

// Gives t_n - b t_{n-1} the magnitudes wanted, into `previous`; the caller exchanges the two.
void accelerate(const std::vector<float>& magnitudes, float b, const Spectrum& now,
                Spectrum& previous) {
  for (std::size_t i = 0; i < magnitudes.size(); ++i) {
    const float real = now.real[i] - b * previous.real[i];
    const float imag = now.imag[i] - b * previous.imag[i];
    const float scale = magnitudes[i] / std::sqrt(real * real + imag * imag + kTiny);
    previous.real[i] = real * scale;
    previous.imag[i] = imag * scale;
  }
}

}  // namespace

GriffinLim::GriffinLim(const LogMelOptions& options, std::size_t iterations, float momentum)
    : options_(options),
      stft_(options.mel.n_fft, options.hop_length,
            make_window(options.window, options.win_length, options.periodic)),
      filters_(make_mel_filters(options.mel)),
      inverse_weight_(stft_.fft().num_bins(), 0.0f),
      iterations_(iterations),
      momentum_(momentum) {
  if (options.padding == Padding::kNone || options.normalize || options.preemphasis != 0.0f ||
      options.remove_dc) {
    throw std::invalid_argument("mel: got features that are not centred, plain log-mel");
  }
  for (const MelFilter& filter : filters_) {
    for (std::size_t i = 0; i < filter.weights.size(); ++i) {
      inverse_weight_[filter.first + i] += filter.weights[i];
    }
  }
  for (float& weight : inverse_weight_) weight = weight > 0.0f ? 1.0f / weight : 0.0f;
}

std::size_t GriffinLim::num_samples(std::size_t frames) const {
  return frames == 0 ? 0 : (frames - 1) * options_.hop_length;
}

// Undoes the logarithm and the floor of `count` frames, one in each lane; other lanes are 0.
void GriffinLim::load_mel(const float* mel, std::size_t count, float* block) const {
  const float added = options_.floor_is_added ? options_.floor : 0.0f;
  for (std::size_t m = 0; m < filters_.size(); ++m) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const float value = l < count ? std::exp(mel[l * filters_.size() + m]) - added : 0.0f;
      block[m * kLanes + l] = std::max(value, 0.0f);
    }
  }
}

void GriffinLim::filter(const float* spectrum, std::vector<float>& filtered) const {
  for (std::size_t m = 0; m < filters_.size(); ++m) {
    float* const sums = filtered.data() + m * kLanes;
    std::fill_n(sums, kLanes, 0.0f);
    const float* bins = spectrum + filters_[m].first * kLanes;
    for (const float weight : filters_[m].weights) {
      for (std::size_t l = 0; l < kLanes; ++l) sums[l] += weight * bins[l];
      bins += kLanes;
    }
  }
}

// Writes sum_m W[m, k] filtered_m / sum_m W[m, k].
void GriffinLim::project(const std::vector<float>& filtered, float* spectrum) const {
  std::fill_n(spectrum, inverse_weight_.size() * kLanes, 0.0f);
  for (std::size_t m = 0; m < filters_.size(); ++m) {
    float* bins = spectrum + filters_[m].first * kLanes;
    for (const float weight : filters_[m].weights) {
      for (std::size_t l = 0; l < kLanes; ++l) bins[l] += weight * filtered[m * kLanes + l];
      bins += kLanes;
    }
  }
  for (std::size_t k = 0; k < inverse_weight_.size(); ++k) {
    for (std::size_t l = 0; l < kLanes; ++l) spectrum[k * kLanes + l] *= inverse_weight_[k];
  }
}

// Step 1 for one block: `mel` (num_mel_bins, kLanes) to `magnitudes` (num_bins, kLanes).
void GriffinLim::spread(const float* mel, float* magnitudes) const {
  const std::size_t mel_size = filters_.size() * kLanes;
  const std::size_t size = inverse_weight_.size() * kLanes;
  std::vector<float> ratio(mel_size), update(size);
  // Start: each value, spread evenly over its filter.
  for (std::size_t m = 0; m < filters_.size(); ++m) {
    float sum = kTiny;
    for (const float weight : filters_[m].weights) sum += weight;
    for (std::size_t l = 0; l < kLanes; ++l) ratio[m * kLanes + l] = mel[m * kLanes + l] / sum;
  }
  project(ratio, magnitudes);
  for (int i = 0; i < kSpreadUpdates; ++i) {
    filter(magnitudes, ratio);
    for (std::size_t j = 0; j < mel_size; ++j) ratio[j] = mel[j] / (ratio[j] + kTiny);
    project(ratio, update.data());
    for (std::size_t j = 0; j < size; ++j) magnitudes[j] *= update[j];
  }
  for (std::size_t j = 0; options_.squared && j < size; ++j) {
    magnitudes[j] = std::sqrt(magnitudes[j]);
  }
}

std::vector<float> GriffinLim::magnitudes(const float* mel, std::size_t frames) const {
  std::vector<float> result(stft_.spectrum_size(frames));
  std::vector<float> block(filters_.size() * kLanes);
  for (std::size_t first = 0; first < frames; first += kLanes) {
    load_mel(mel + first * filters_.size(), std::min(kLanes, frames - first), block.data());
    spread(block.data(), result.data() + first / kLanes * inverse_weight_.size() * kLanes);
  }
  return result;
}

void GriffinLim::compute(const float* mel, std::size_t frames, float* waveform) const {
  const std::size_t length = num_samples(frames), edge = stft_.edge();
  if (length == 0) return;
  std::vector<float> wanted = magnitudes(mel, frames);
  // The largest magnitude becomes 1, so that no square leaves float32.
  const float peak = std::max(*std::max_element(wanted.begin(), wanted.end()), kTiny);
  for (float& value : wanted) value /= peak;

  Spectrum now{std::vector<float>(wanted.size(), 0.0f), std::vector<float>(wanted.size(), 0.0f)};
  Spectrum next = now;
  set_random_phases(wanted, next);
  StftWorkspace workspace(stft_.fft());
  const std::vector<float> envelope = stft_.inverse_envelope(frames);
  std::vector<float> padded(stft_.padded_size(frames));
  const bool reflect = options_.padding == Padding::kReflect && length > edge;
  const float b = momentum_ / (1.0f + momentum_);
  for (std::size_t i = 0; i < iterations_; ++i) {
    stft_.synthesise(next, frames, envelope, workspace, padded.data());
    fill_edges(padded.data(), padded.size(), edge, reflect);
    // `now` is t_{n-1} until here and `next` is free to take t_n.
    stft_.analyse(padded.data(), frames, workspace, next);
    accelerate(wanted, b, next, now);
    std::swap(now, next);
  }
  stft_.synthesise(next, frames, envelope, workspace, padded.data());
  const float scale = peak / options_.input_scale;
  for (std::size_t n = 0; n < length; ++n) waveform[n] = padded[edge + n] * scale;
}

}  // namespace edgewright
