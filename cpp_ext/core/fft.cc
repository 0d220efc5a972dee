#include "core/fft.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace edgewright {
namespace {

constexpr double kTau = 6.283185307179586476925286766559;

// Appends exp(-2 pi i k / n).
void push_root(std::size_t k, std::size_t n, std::vector<float>& table) {
  const double angle = kTau * static_cast<double>(k % n) / static_cast<double>(n);
  table.push_back(static_cast<float>(std::cos(angle)));
  table.push_back(static_cast<float>(-std::sin(angle)));
}

std::vector<std::size_t> radices(std::size_t n) {
  std::vector<std::size_t> result;
  for (; n % 4 == 0; n /= 4) result.push_back(4);
  for (; n % 2 == 0; n /= 2) result.push_back(2);
  for (std::size_t p = 3; n > 1; p += 2) {
    if (p * p > n) p = n;  // what is left is prime
    for (; n % p == 0; n /= p) result.push_back(p);
  }
  return result;
}

}  // namespace

RealFft::RealFft(std::size_t size) : size_(size) {
  if (size < 2 || size % 2 != 0) {
    throw std::invalid_argument("n_fft: got a size that is odd or 0, expected an even one");
  }
  const std::size_t m = size / 2;
  // After a pass, the bins k with k mod radix = t stand in stretch t.
  std::vector<std::uint32_t> starts{0};
  std::size_t length = m;
  for (const std::size_t radix : radices(m)) {
    stages_.push_back(make_stage(radix, length));
    largest_radix_ = std::max(largest_radix_, radix);
    length /= radix;
    const std::size_t count = starts.size();
    for (std::size_t t = 1; t < radix; ++t) {
      for (std::size_t i = 0; i < count; ++i) {
        starts.push_back(starts[i] + static_cast<std::uint32_t>(t * length));
      }
    }
  }
  order_ = std::move(starts);
  for (std::size_t k = 0; k <= m; ++k) push_root(k, size, rotations_);
}

RealFft::Stage RealFft::make_stage(std::size_t radix, std::size_t length) {
  Stage stage{radix, length, {}, {}};
  for (std::size_t j = 0; j < length / radix; ++j) {
    for (std::size_t t = 1; t < radix; ++t) push_root(j * t, length, stage.twiddles);
  }
  if (radix % 2 != 0) {
    for (std::size_t k = 0; k < radix; ++k) push_root(k, radix, stage.roots);
  }
  return stage;
}

void RealFft::transform(Planes data, float* scratch) const {
  for (const Stage& stage : stages_) {
    const FftPass pass{stage.radix, stage.length, stage.twiddles.data(), stage.roots.data(),
                       scratch};
    fft_loops().pass(pass, size_ / 2, data);
  }
}

void RealFft::forward(FftBuffers& buffers, float* spectrum) const {
  transform(buffers.signal(), buffers.scratch());
  fft_loops().unpack(buffers.signal(), fft_order(), rotations_.data(), spectrum);
}

void RealFft::power(FftBuffers& buffers, float* powers) const {
  transform(buffers.signal(), buffers.scratch());
  fft_loops().power(buffers.signal(), fft_order(), rotations_.data(), powers);
}

void RealFft::inverse(const float* spectrum, FftBuffers& buffers) const {
  const float scale = 1.0f / static_cast<float>(size_);
  const Planes signal = buffers.signal();
  fft_loops().pack(spectrum, rotations_.data(), size_ / 2, scale, signal);
  // Exchanging the real and imaginary parts of input and output inverts the direction.
  transform({signal.imag, signal.real}, buffers.scratch());
}

}  // namespace edgewright
