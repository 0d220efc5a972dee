#include "core/log_mel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/simd/frames.h"
#include "core/simd/log_mel.h"
#include "core/simd/samples.h"

namespace edgewright {

struct LogMel::Workspace {
  Workspace(const LogMel& log_mel, std::size_t frames)
      : span((frames - 1) * log_mel.options_.hop_length + round_up(log_mel.window_.size())),
        fft(log_mel.fft_),
        powers(log_mel.fft_.num_bins() * kLanes),
        mel(log_mel.num_mel_bins() * kLanes) {}

  LaneBuffer span;  // the samples of the frames
  FftBuffers fft;
  LaneBuffer powers;
  LaneBuffer mel;
};

LogMel::LogMel(const LogMelOptions& options)
    : options_(options),
      fft_(options.mel.n_fft),
      filters_(options.mel),
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

// Number of the first sample under the window of a frame; negative before the waveform.
std::ptrdiff_t LogMel::begin_of(std::size_t frame) const {
  return static_cast<std::ptrdiff_t>(frame * options_.hop_length + offset_) -
         static_cast<std::ptrdiff_t>(edge());
}

std::size_t LogMel::num_frames(std::size_t num_samples) const {
  if (options_.padding == Padding::kNone) {
    if (num_samples < options_.win_length) return 0;
    return 1 + (num_samples - options_.win_length) / options_.hop_length;
  }
  return num_samples / options_.hop_length + (options_.normalize ? 0 : 1);
}

std::size_t LogMel::num_complete_frames(std::size_t num_samples) const {
  if (options_.padding == Padding::kReflect && num_samples <= edge()) return 0;
  const std::size_t end = num_samples + edge(), first_end = offset_ + options_.win_length;
  return end < first_end ? 0 : 1 + (end - first_end) / options_.hop_length;
}

// Mirrored samples behind the end reach back one sample further than the frame itself, and the
// preemphasis one more.
std::size_t LogMel::first_sample(std::size_t t) const {
  return static_cast<std::size_t>(std::max<std::ptrdiff_t>(begin_of(t) - 2, 0));
}

// The scaled and preemphasized sample number `index`, which may lie outside the waveform.
float LogMel::sample(const WaveformView& waveform, std::ptrdiff_t index) const {
  const auto total = static_cast<std::ptrdiff_t>(waveform.total);
  if (index < 0 || index >= total) {
    if (options_.padding != Padding::kReflect) return 0.0f;
    index = index < 0 ? -index : 2 * (total - 1) - index;
  }
  const float* const x = waveform.samples + (static_cast<std::size_t>(index) - waveform.first);
  const float value = x[0] * options_.input_scale;
  const bool alone = options_.preemphasis_in_frame || options_.preemphasis == 0.0f || index == 0;
  return alone ? value : value - options_.preemphasis * (x[-1] * options_.input_scale);
}

// Copies the scaled and preemphasized samples [begin, begin + size).
void LogMel::copy(const WaveformView& waveform, std::ptrdiff_t begin, std::size_t size,
                  float* to) const {
  const auto end = begin + static_cast<std::ptrdiff_t>(size);
  const std::ptrdiff_t inner_begin = std::clamp<std::ptrdiff_t>(1, begin, end);
  const std::ptrdiff_t inner_end =
      std::clamp(static_cast<std::ptrdiff_t>(waveform.total), inner_begin, end);
  for (std::ptrdiff_t n = begin; n < inner_begin; ++n) *to++ = sample(waveform, n);
  const float scale = options_.input_scale;
  const float c = options_.preemphasis_in_frame ? 0.0f : options_.preemphasis;
  const auto count = static_cast<std::size_t>(inner_end - inner_begin);
  if (count > 0) {
    const float* const x =
        waveform.samples + (static_cast<std::size_t>(inner_begin) - waveform.first);
    if (c == 0.0f) {
      for (std::size_t i = 0; i < count; ++i) to[i] = x[i] * scale;
    } else {
      sample_loops().emphasize(x, count, scale, c, to);
    }
  }
  to += count;
  for (std::ptrdiff_t n = inner_end; n < end; ++n) *to++ = sample(waveform, n);
}

void LogMel::compute_block(const WaveformView& waveform, std::size_t first, std::size_t count,
                           Workspace& workspace, float* features) const {
  const LogMelLoops& loops = log_mel_loops();
  const std::size_t hop = options_.hop_length, win = window_.size();
  const std::size_t span = (count - 1) * hop + win;
  float* const samples = workspace.span.data();
  copy(waveform, begin_of(first), span, samples);
  std::fill_n(samples + span, round_up(win) - win, 0.0f);  // read, but not used

  // Lanes behind the last frame repeat it.
  const float* frames[kLanes];
  float* outputs[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) {
    frames[l] = samples + std::min(l, count - 1) * hop;
    outputs[l] = features + std::min(l, count - 1) * num_mel_bins();
  }
  const float preemphasis = options_.preemphasis_in_frame ? options_.preemphasis : 0.0f;
  const WindowTable window{window_.data(), win, offset_, fft_.size() / 2};
  loops.load(frames, window, options_.remove_dc, preemphasis, workspace.fft.signal());
  float* const powers = workspace.powers.data();
  fft_.power(workspace.fft, powers);
  if (!options_.squared) loops.square_root(powers, fft_.num_bins());
  float* const mel = workspace.mel.data();
  loops.filter(powers, filters_.table(), mel);
  const float added = options_.floor_is_added ? options_.floor : 0.0f;
  const float least = std::max(options_.floor, std::numeric_limits<float>::min());
  loops.logarithm(mel, num_mel_bins(), added, least);
  frame_loops().scatter(mel, num_mel_bins(), count, outputs);
}

void LogMel::compute_frames(const WaveformView& waveform, std::size_t begin, std::size_t end,
                            float* features) const {
  if (begin >= end) return;
  Workspace workspace(*this, std::min(kLanes, end - begin));
  for (std::size_t first = begin; first < end; first += kLanes) {
    const std::size_t count = std::min(kLanes, end - first);
    compute_block(waveform, first, count, workspace, features);
    features += count * num_mel_bins();
  }
}

void LogMel::normalize(float* features, std::size_t frames) const {
  const LogMelLoops& loops = log_mel_loops();
  const std::size_t bins = num_mel_bins();
  std::vector<double> means(bins, 0.0), scales(bins, 0.0);
  for (std::size_t i = 0; i < frames; ++i) loops.add(features + i * bins, bins, means.data());
  for (double& mean : means) mean /= static_cast<double>(frames);
  for (std::size_t i = 0; i < frames; ++i) {
    loops.add_squares(features + i * bins, means.data(), bins, scales.data());
  }
  for (double& scale : scales) {
    // One frame has no deviation; it becomes 0.
    const double std = frames > 1 ? std::sqrt(scale / static_cast<double>(frames - 1)) : 0.0;
    scale = 1.0 / (std + 1e-5);
  }
  for (std::size_t i = 0; i < frames; ++i) {
    loops.standardize(features + i * bins, means.data(), scales.data(), bins);
  }
}

void LogMel::compute(const float* waveform, std::size_t num_samples, float* features) const {
  const std::size_t frames = num_frames(num_samples);
  if (frames == 0) return;
  if (options_.padding == Padding::kReflect && num_samples <= edge()) {
    throw std::invalid_argument(
        "waveform: got too few samples to mirror, expected more than half n_fft");
  }
  compute_frames({waveform, 0, num_samples}, 0, frames, features);
  if (options_.normalize) normalize(features, frames);
}

}  // namespace edgewright
