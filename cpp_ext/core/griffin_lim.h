// A waveform from log-mel features.
#pragma once

#include <cstddef>
#include <vector>

#include "core/log_mel.h"
#include "core/stft.h"

namespace edgewright {

// Tables of one inversion; calls are const, deterministic, and may run at the same time.
//
// 1. Magnitudes S: the mel values y of each frame are spread over the spectrum by the updates of
//    Richardson and Lucy, x_k <- x_k (sum_m W[m,k] y_m / (W x)_m) / sum_m W[m,k], which keep x >= 0
//    and descend the generalized Kullback-Leibler divergence of W x from y (Lee and Seung, 2001,
//    with W fixed): bins count by their ratio, as loudness does. A power becomes its square root.
// 2. Phases by the fast Griffin-Lim algorithm (Perraudin, Balazs, Sondergaard, 2013): with P the
//    projection STFT(ISTFT(.)), from random phases of a fixed seed,
//
//        t_n = P(S exp(i angle(c_n))),   c_{n+1} = t_n + a (t_n - t_{n-1}),   a = momentum
//
//    (librosa and torchaudio: c = t_n - momentum / (1 + momentum) t_{n-1}, the same phase.)
class GriffinLim {
 public:
  // `options` is centred (`Padding::kZeros` or `kReflect`), without preemphasis or normalization.
  GriffinLim(const LogMelOptions& options, std::size_t iterations, float momentum);

  std::size_t num_mel_bins() const { return filters_.size(); }
  // (frames - 1) hops: the shortest waveform that has as many frames.
  std::size_t num_samples(std::size_t frames) const;
  // Reads (frames, num_mel_bins) log-mel values, writes num_samples(frames) samples.
  void compute(const float* mel, std::size_t frames, float* waveform) const;

 private:
  std::vector<float> magnitudes(const float* mel, std::size_t frames) const;
  void load_mel(const float* mel, std::size_t count, float* padded, float* rows) const;
  void spread(const float* mel, float* ratio, float* update, float* magnitudes) const;

  LogMelOptions options_;
  Stft stft_;
  MelFilters filters_;
  std::vector<float> filter_weight_;   // 1 / sum_k W[m, k]
  std::vector<float> inverse_weight_;  // 1 / sum_m W[m, k]; 0 where no filter reaches
  std::size_t iterations_;
  float momentum_;
};

}  // namespace edgewright
