// Real discrete Fourier transforms of several signals at once, one signal in each lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/lanes.h"
#include "core/simd/fft.h"

namespace edgewright {

class FftBuffers;

// Transforms of one even size N, for real signals:
//
//     X[k] = sum_n x[n] exp(-2 pi i k n / N),   k = 0 ... N/2
//
// The N real values are packed into M = N/2 complex ones, z[n] = x[2n] + i x[2n+1]. With Z =
// DFT(z), E[k] = (Z[k] + conj Z[M-k]) / 2 and O[k] = (Z[k] - conj Z[M-k]) / 2i transform the even
// and odd samples, and X[k] = E[k] + exp(-2 pi i k / N) O[k] (Press et al., Numerical
// Recipes, 12.3). Z is computed in place by decimation in frequency, radix 4, then 2, then odd
// primes (a prime factor p costs p operations a value): a row fills a cache line, so that rows in
// digit-reversed order cost nothing, and half the memory of a self-sorting algorithm stays in the
// first cache. Tables are computed in double and kept in float.
//
// A signal is its even and its odd samples, (M, kLanes) each, and is overwritten; a spectrum is
// (num_bins, 2, kLanes), real and imaginary rows in turn.
class RealFft {
 public:
  // Throws std::invalid_argument unless `size` is even and at least 2.
  explicit RealFft(std::size_t size);

  std::size_t size() const { return size_; }
  std::size_t num_bins() const { return size_ / 2 + 1; }
  // Floats of one of the planes of a signal, and of the scratch.
  std::size_t plane_size() const { return size_ / 2 * kLanes; }
  std::size_t scratch_size() const { return 2 * largest_radix_ * kLanes; }

  void forward(FftBuffers& buffers, float* spectrum) const;
  // Writes |X|^2, (num_bins, kLanes).
  void power(FftBuffers& buffers, float* powers) const;
  // The inverse of `forward`, with the factor 1/N; imaginary parts of bins 0 and N/2 count as 0.
  // The samples 2n and 2n + 1 come in rows order()[n].
  void inverse(const float* spectrum, FftBuffers& buffers) const;
  const std::uint32_t* order() const { return order_.data(); }

 private:
  struct Stage {
    std::size_t radix;
    std::size_t length;
    std::vector<float> twiddles;
    std::vector<float> roots;
  };

  static Stage make_stage(std::size_t radix, std::size_t length);
  // Leaves bin k of the transform in row order_[k].
  void transform(Planes data, float* scratch) const;
  FftOrder fft_order() const { return {order_.data(), order_.size()}; }

  std::size_t size_;
  std::size_t largest_radix_ = 1;
  std::vector<Stage> stages_;
  std::vector<std::uint32_t> order_;
  std::vector<float> rotations_;  // (M + 1, 2): exp(-2 pi i k / N)
};

// A signal, and what its transform works on.
class FftBuffers {
 public:
  explicit FftBuffers(const RealFft& fft)
      : plane_(fft.plane_size()), floats_(2 * fft.plane_size() + fft.scratch_size()) {}
  Planes signal() { return {floats_.data(), floats_.data() + plane_}; }
  float* scratch() { return floats_.data() + 2 * plane_; }

 private:
  std::size_t plane_;
  LaneBuffer floats_;
};

}  // namespace edgewright
