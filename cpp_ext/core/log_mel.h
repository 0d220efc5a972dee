// Log-mel features of a waveform, in the conventions of Kaldi, NeMo and librosa.
#pragma once

#include <cstddef>
#include <vector>

#include "core/fft.h"
#include "core/mel_filters.h"
#include "core/window.h"

namespace edgewright {

enum class Padding { kNone, kZeros, kReflect };

struct LogMelOptions {
  MelOptions mel;
  std::size_t win_length = 400;  // samples
  std::size_t hop_length = 160;  // samples
  Window window = Window::kHann;
  bool periodic = false;
  Padding padding = Padding::kNone;
  float preemphasis = 0.0f;
  bool preemphasis_in_frame = false;
  bool remove_dc = false;
  bool squared = true;  // power spectrum, or magnitudes
  float input_scale = 1.0f;
  float floor = 0.0f;
  bool floor_is_added = false;
  bool normalize = false;
};

// A stretch of a waveform: `samples[0]` is sample number `first` of `total` in all.
struct WaveformView {
  const float* samples;
  std::size_t first;
  std::size_t total;
};

// Tables of one convention; calls are const and may run at the same time.
//
//     x <- input_scale * waveform; with c = preemphasis over the signal: x[n] - c x[n-1], x[0] as
//     is frame t: x[t hop - pad ... ) of win_length samples; where asked, minus its mean, then
//              preemphasis inside the frame: x[n] - c x[n-1], x[0] - c x[0]; times the window
//     S = |DFT(frame)| or its square, n_fft points
//     y[t, m] = ln(max(sum_k W[m, k] S[t, k], floor))  or  ln(sum + floor)
//     where normalized: (y - mean) / (std + 1e-5) of each bin over all frames, std with frames - 1
//
// Padding none (Kaldi's snip_edges): pad = 0, frames lie inside the waveform. Otherwise (centred,
// torch.stft): n_fft / 2 zeros or mirrored samples at both ends and the window in the middle of the
// n_fft points, 1 + num_samples / hop frames; normalized features drop the last one, whose centre
// lies behind the audio, as NeMo masks it.
// References: Kaldi feat/feature-window.cc and mel-computations.cc; NeMo FilterbankFeatures;
// librosa.feature.melspectrogram.
//
// kLanes frames are computed at once, one in each lane, so that a frame has the same bits wherever
// it stands among the others.
class LogMel {
 public:
  // Buffers for up to `frames` frames at once.
  struct Workspace;

  explicit LogMel(const LogMelOptions& options);

  const LogMelOptions& options() const { return options_; }
  std::size_t num_mel_bins() const { return filters_.size(); }
  std::size_t num_frames(std::size_t num_samples) const;
  // Frames that no sample behind the first `num_samples` can change.
  std::size_t num_complete_frames(std::size_t num_samples) const;
  // The first sample that frame `t`, or one behind it, reads.
  std::size_t first_sample(std::size_t t) const;
  // Writes (num_frames(num_samples), num_mel_bins) values. `Padding::kReflect` needs more than
  // n_fft / 2 samples.
  void compute(const float* waveform, std::size_t num_samples, float* features) const;
  // Writes the frames [begin, end), not normalized; the view has all samples that they read.
  void compute_frames(const WaveformView& waveform, std::size_t begin, std::size_t end,
                      float* features) const;

 private:
  std::size_t edge() const;
  std::ptrdiff_t begin_of(std::size_t frame) const;
  float sample(const WaveformView& waveform, std::ptrdiff_t index) const;
  void copy(const WaveformView& waveform, std::ptrdiff_t begin, std::size_t size, float* to) const;
  void compute_block(const WaveformView& waveform, std::size_t first, std::size_t count,
                     Workspace& workspace, float* features) const;
  void normalize(float* features, std::size_t frames) const;

  LogMelOptions options_;
  RealFft fft_;
  std::vector<float> window_;
  MelFilters filters_;
  std::size_t offset_;  // of the window among the n_fft points
};

}  // namespace edgewright
