#include "core/griffin_lim.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include "core/simd/frames.h"
#include "core/simd/griffin_lim.h"

namespace edgewright {
namespace {

// Updates of the magnitudes; more change them by less than the phases' own error.
constexpr int kSpreadUpdates = 48;
constexpr float kTiny = 1e-30f;

float inverse_or_zero(float value) { return value > 0.0f ? 1.0f / value : 0.0f; }

// Writes magnitudes (bins, kLanes) with random phases as a spectrum (bins, 2, kLanes).
void set_random_phases(const std::vector<float>& magnitudes, std::vector<float>& spectrum) {
  std::mt19937 engine(0);
  for (std::size_t i = 0; i < magnitudes.size(); ++i) {
    const float angle = static_cast<float>(engine()) * (6.2831853f / 4294967296.0f);
    float* const real = spectrum.data() + 2 * (i / kLanes) * kLanes + i % kLanes;
    real[0] = magnitudes[i] * std::cos(angle);
    real[kLanes] = magnitudes[i] * std::sin(angle);
  }
}

}  // namespace

GriffinLim::GriffinLim(const LogMelOptions& options, std::size_t iterations, float momentum)
    : options_(options),
      stft_(options.mel.n_fft, options.hop_length,
            make_window(options.window, options.win_length, options.periodic)),
      filters_(options.mel),
      filter_weight_(filters_.size(), 0.0f),
      inverse_weight_(stft_.fft().num_bins(), 0.0f),
      iterations_(iterations),
      momentum_(momentum) {
  if (options.padding == Padding::kNone || options.normalize || options.preemphasis != 0.0f ||
      options.remove_dc) {
    throw std::invalid_argument("mel: got features that are not centred, plain log-mel");
  }
  const FilterTable table = filters_.table();
  const float* weight = table.weights;
  for (std::size_t m = 0; m < table.size; ++m) {
    for (std::uint32_t i = 0; i < table.count[m]; ++i, ++weight) {
      filter_weight_[m] += *weight;
      inverse_weight_[table.first[m] + i] += *weight;
    }
  }
  for (float& value : filter_weight_) value = inverse_or_zero(value);
  for (float& value : inverse_weight_) value = inverse_or_zero(value);
}

std::size_t GriffinLim::num_samples(std::size_t frames) const {
  return frames == 0 ? 0 : (frames - 1) * options_.hop_length;
}

// Undoes the logarithm and the floor of `count` frames, one in each lane; other lanes repeat the
// last one. `padded` has room for kLanes frames of a multiple of kLanes bins.
void GriffinLim::load_mel(const float* mel, std::size_t count, float* padded, float* rows) const {
  const std::size_t bins = filters_.size(), pitch = round_up(bins);
  const float* frames[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) {
    std::fill_n(std::copy_n(mel + std::min(l, count - 1) * bins, bins, padded + l * pitch),
                pitch - bins, 0.0f);
    frames[l] = padded + l * pitch;
  }
  frame_loops().gather(frames, bins, rows);
  griffin_lim_loops().exponential(rows, bins, options_.floor_is_added ? options_.floor : 0.0f);
}

// Step 1 for one block: `mel` (num_mel_bins, kLanes) to `magnitudes` (num_bins, kLanes). `ratio`
// and `update` are rows to work on, as many as these.
void GriffinLim::spread(const float* mel, float* ratio, float* update, float* magnitudes) const {
  const GriffinLimLoops& loops = griffin_lim_loops();
  const FilterTable table = filters_.table();
  const std::size_t bins = inverse_weight_.size();
  // Start: each value, spread evenly over its filter.
  for (std::size_t m = 0; m < table.size; ++m) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      ratio[m * kLanes + l] = mel[m * kLanes + l] * filter_weight_[m];
    }
  }
  loops.project(ratio, table, inverse_weight_.data(), bins, magnitudes);
  for (int i = 0; i < kSpreadUpdates; ++i) {
    log_mel_loops().filter(magnitudes, table, ratio);
    loops.divide(mel, table.size, ratio);
    loops.project(ratio, table, inverse_weight_.data(), bins, update);
    loops.multiply(update, bins, magnitudes);
  }
  if (options_.squared) log_mel_loops().square_root(magnitudes, bins);
}

std::vector<float> GriffinLim::magnitudes(const float* mel, std::size_t frames) const {
  const std::size_t block = inverse_weight_.size() * kLanes, rows = round_up(filters_.size());
  std::vector<float> result(round_up(frames) / kLanes * block);
  LaneBuffer padded(rows * kLanes), values(rows * kLanes), ratio(rows * kLanes), update(block);
  for (std::size_t first = 0; first < frames; first += kLanes) {
    load_mel(mel + first * filters_.size(), std::min(kLanes, frames - first), padded.data(),
             values.data());
    spread(values.data(), ratio.data(), update.data(), result.data() + first / kLanes * block);
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

  std::vector<float> now(stft_.spectrum_size(frames), 0.0f), next(now.size());
  set_random_phases(wanted, next);
  StftWorkspace workspace(stft_.fft());
  const std::vector<float> envelope = stft_.inverse_envelope(frames);
  const std::size_t size = stft_.padded_size(frames);
  std::vector<float> padded(size + kLanes, 0.0f);
  const bool reflect = options_.padding == Padding::kReflect && length > edge;
  const float b = momentum_ / (1.0f + momentum_);
  for (std::size_t i = 0; i < iterations_; ++i) {
    stft_.synthesise(next.data(), frames, envelope, workspace, padded.data());
    fill_edges(padded.data(), size, edge, reflect);
    // `now` is t_{n-1} until here and `next` is free to take t_n.
    stft_.analyse(padded.data(), frames, workspace, next.data());
    griffin_lim_loops().accelerate(wanted.data(), wanted.size() / kLanes, b, next.data(),
                                   now.data());
    std::swap(now, next);
  }
  stft_.synthesise(next.data(), frames, envelope, workspace, padded.data());
  const float scale = peak / options_.input_scale;
  for (std::size_t n = 0; n < length; ++n) waveform[n] = padded[edge + n] * scale;
}

}  // namespace edgewright
