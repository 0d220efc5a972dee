// Short-time Fourier transform, centred, and its least-squares inverse.
#pragma once

#include <cstddef>
#include <vector>

#include "core/fft.h"

namespace edgewright {

// Buffers of one call, so that a loop over transforms allocates once.
struct StftWorkspace {
  explicit StftWorkspace(const RealFft& fft);

  LaneBuffer rows;    // frames, one in each lane
  LaneBuffer frames;  // frames, one after another
  FftBuffers fft;
};

// Tables of one transform; calls are const and may run at the same time.
//
//     X[t, k] = sum_n w[n] x[t hop + n - n_fft / 2] exp(-2 pi i k n / n_fft)
//
// with the window in the middle of the n_fft points and x mirrored or 0 outside (torch.stft with
// center=True). The inverse is the signal whose transform is nearest in the least-squares sense
// (Griffin and Lim, 1984, equation 6): with y_t the inverse DFT of frame t,
//
//     x[n] = sum_t w[n - t hop] y_t[n - t hop] / sum_t w[n - t hop]^2
//
// Both work on a padded signal of padded_size(frames) samples, n_fft / 2 of them at each end. A
// spectrum is one block for each kLanes frames, (num_bins, 2, kLanes), real and imaginary rows in
// turn; lanes behind the last frame repeat it.
class Stft {
 public:
  // Throws std::invalid_argument where `n_fft` is odd, the window longer or `hop_length` 0.
  Stft(std::size_t n_fft, std::size_t hop_length, const std::vector<double>& window);

  const RealFft& fft() const { return fft_; }
  std::size_t edge() const { return fft_.size() / 2; }
  std::size_t num_frames(std::size_t num_samples) const { return 1 + num_samples / hop_length_; }
  // Floats of one block of a spectrum, and of a whole one.
  std::size_t block_size() const { return 2 * fft_.num_bins() * kLanes; }
  std::size_t spectrum_size(std::size_t frames) const;
  // Samples of the padded signal; analyse reads kLanes more than these.
  std::size_t padded_size(std::size_t frames) const;
  // 1 / sum_t w^2 at each padded sample; 0 where the sum is below 1e-11.
  std::vector<float> inverse_envelope(std::size_t frames) const;

  void analyse(const float* padded, std::size_t frames, StftWorkspace& workspace,
               float* spectrum) const;
  void synthesise(const float* spectrum, std::size_t frames,
                  const std::vector<float>& inverse_envelope, StftWorkspace& workspace,
                  float* padded) const;

  // One block: its `count` frames begin at `padded` and lie hop_length apart. `synthesise_block`
  // adds them up there.
  void analyse_block(const float* padded, std::size_t count, StftWorkspace& workspace,
                     float* block) const;
  void synthesise_block(const float* block, std::size_t count, StftWorkspace& workspace,
                        float* padded) const;

 private:
  RealFft fft_;
  std::size_t hop_length_;
  std::vector<float> window_;  // (n_fft,), 0 outside the window
};

// Overwrites `edge` samples at both ends of `padded` with zeros, or with mirrored samples (the end
// sample not repeated), which needs more than `edge` samples between them.
void fill_edges(float* padded, std::size_t size, std::size_t edge, bool reflect);

}  // namespace edgewright
