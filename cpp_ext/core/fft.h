// Real discrete Fourier transforms of several signals at once, one signal in each SIMD lane.
#pragma once

#include <cstddef>
#include <vector>

namespace edgewright {

// Signals that one call transforms. Element i of lane l is at [i * kLanes + l], so that every loop
// ends in kLanes equal, independent float operations: a lane's result does not depend on the
// others.
inline constexpr std::size_t kLanes = 8;

// Transforms of one even size N, for real signals:
//
//     X[k] = sum_n x[n] exp(-2 pi i k n / N),   k = 0 ... N/2
//
// The N real values are packed into M = N/2 complex ones, z[n] = x[2n] + i x[2n+1]. With Z =
// DFT(z), E[k] = (Z[k] + conj Z[M-k]) / 2 and O[k] = (Z[k] - conj Z[M-k]) / 2i transform the even
// and odd samples, and X[k] = E[k] + exp(-2 pi i k / N) O[k] (Press et al., Numerical
// Recipes, 12.3). Z comes from the self-sorting mixed-radix algorithm of Stockham: radix 4, then 2,
// then odd primes (a prime factor p costs p operations a value). Tables are computed in double and
// kept in float.
class RealFft {
 public:
  // Throws std::invalid_argument unless `size` is even and at least 2.
  explicit RealFft(std::size_t size);

  std::size_t size() const { return size_; }
  std::size_t num_bins() const { return size_ / 2 + 1; }
  // Floats that `work` of the calls below must hold.
  std::size_t work_size() const { return 2 * size_ * kLanes; }

  // Reads `signal` (size, kLanes), writes `real` and `imag` (num_bins, kLanes).
  void forward(const float* signal, float* real, float* imag, float* work) const;
  // The inverse of `forward`, with the factor 1/N. Imaginary parts of bins 0 and N/2 count as 0.
  void inverse(const float* real, const float* imag, float* signal, float* work) const;

 private:
  // One pass of Stockham: `groups` butterflies of `radix` inputs, each over `stride` sequences.
  struct Stage {
    std::size_t radix;
    std::size_t groups;
    std::size_t stride;
    std::vector<float> twiddles;  // (groups, radix - 1, 2): cos and sin
    std::vector<float> roots;     // (radix, 2), of odd radices
  };
  struct Complex {
    float* real;
    float* imag;
  };

  static Stage make_stage(std::size_t radix, std::size_t length, std::size_t stride);
  static void run_radix2(const Stage& stage, Complex from, Complex to);
  static void run_radix4(const Stage& stage, Complex from, Complex to);
  static void run_odd(const Stage& stage, Complex from, Complex to);
  // Returns whichever of the two holds the transform of `data`.
  Complex transform(Complex data, Complex other) const;

  std::size_t size_;
  std::vector<Stage> stages_;
  std::vector<float> rotations_;  // (M + 1, 2): exp(-2 pi i k / N)
};

}  // namespace edgewright
