#include "core/fft.h"

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
  std::size_t length = size / 2, stride = 1;
  for (const std::size_t radix : radices(length)) {
    stages_.push_back(make_stage(radix, length, stride));
    length /= radix;
    stride *= radix;
  }
  for (std::size_t k = 0; k <= size / 2; ++k) push_root(k, size, rotations_);
}

RealFft::Stage RealFft::make_stage(std::size_t radix, std::size_t length, std::size_t stride) {
  Stage stage{radix, length / radix, stride, {}, {}};
  for (std::size_t group = 0; group < stage.groups; ++group) {
    for (std::size_t t = 1; t < radix; ++t) push_root(group * t, length, stage.twiddles);
  }
  if (radix % 2 != 0) {
    for (std::size_t k = 0; k < radix; ++k) push_root(k, radix, stage.roots);
  }
  return stage;
}

void RealFft::run_radix2(const Stage& stage, Complex from, Complex to) {
  const std::size_t n = stage.stride * kLanes, half = stage.groups * n;
  for (std::size_t group = 0; group < stage.groups; ++group) {
    const float c = stage.twiddles[2 * group], s = stage.twiddles[2 * group + 1];
    const float *const r0 = from.real + group * n, *const r1 = r0 + half;
    const float *const i0 = from.imag + group * n, *const i1 = i0 + half;
    float* __restrict const real = to.real + 2 * group * n;
    float* __restrict const imag = to.imag + 2 * group * n;
    for (std::size_t i = 0; i < n; ++i) {
      const float dr = r0[i] - r1[i], di = i0[i] - i1[i];
      real[i] = r0[i] + r1[i];
      imag[i] = i0[i] + i1[i];
      real[n + i] = dr * c - di * s;
      imag[n + i] = dr * s + di * c;
    }
  }
}

void RealFft::run_radix4(const Stage& stage, Complex from, Complex to) {
  const std::size_t n = stage.stride * kLanes, quarter = stage.groups * n;
  for (std::size_t group = 0; group < stage.groups; ++group) {
    const float* const w = stage.twiddles.data() + 6 * group;
    const float* const r = from.real + group * n;
    const float* const m = from.imag + group * n;
    float* __restrict const real = to.real + 4 * group * n;
    float* __restrict const imag = to.imag + 4 * group * n;
    for (std::size_t i = 0; i < n; ++i) {
      const float sr = r[i] + r[i + 2 * quarter], si = m[i] + m[i + 2 * quarter];
      const float dr = r[i] - r[i + 2 * quarter], di = m[i] - m[i + 2 * quarter];
      const float tr = r[i + quarter] + r[i + 3 * quarter];
      const float ti = m[i + quarter] + m[i + 3 * quarter];
      const float ur = r[i + quarter] - r[i + 3 * quarter];
      const float ui = m[i + quarter] - m[i + 3 * quarter];
      const float ar = dr + ui, ai = di - ur;  // output 1, before its twiddle
      const float br = sr - tr, bi = si - ti;  // output 2
      const float cr = dr - ui, ci = di + ur;  // output 3
      real[i] = sr + tr;
      imag[i] = si + ti;
      real[n + i] = ar * w[0] - ai * w[1];
      imag[n + i] = ar * w[1] + ai * w[0];
      real[2 * n + i] = br * w[2] - bi * w[3];
      imag[2 * n + i] = br * w[3] + bi * w[2];
      real[3 * n + i] = cr * w[4] - ci * w[5];
      imag[3 * n + i] = cr * w[5] + ci * w[4];
    }
  }
}

void RealFft::run_odd(const Stage& stage, Complex from, Complex to) {
  const std::size_t n = stage.stride * kLanes, p = stage.radix, step = stage.groups * n;
  for (std::size_t group = 0; group < stage.groups; ++group) {
    for (std::size_t t = 0; t < p; ++t) {
      float c = 1.0f, s = 0.0f;
      if (t > 0) {
        c = stage.twiddles[2 * (group * (p - 1) + t - 1)];
        s = stage.twiddles[2 * (group * (p - 1) + t - 1) + 1];
      }
      float* __restrict const real = to.real + (p * group + t) * n;
      float* __restrict const imag = to.imag + (p * group + t) * n;
      for (std::size_t i = 0; i < n; ++i) real[i] = imag[i] = 0.0f;
      for (std::size_t k = 0; k < p; ++k) {
        const float wr = stage.roots[2 * (k * t % p)], wi = stage.roots[2 * (k * t % p) + 1];
        const float* const r = from.real + group * n + k * step;
        const float* const m = from.imag + group * n + k * step;
        for (std::size_t i = 0; i < n; ++i) {
          real[i] += r[i] * wr - m[i] * wi;
          imag[i] += r[i] * wi + m[i] * wr;
        }
      }
      for (std::size_t i = 0; i < n; ++i) {
        const float r = real[i], m = imag[i];
        real[i] = r * c - m * s;
        imag[i] = r * s + m * c;
      }
    }
  }
}

RealFft::Complex RealFft::transform(Complex data, Complex other) const {
  for (const Stage& stage : stages_) {
    if (stage.radix == 4) {
      run_radix4(stage, data, other);
    } else if (stage.radix == 2) {
      run_radix2(stage, data, other);
    } else {
      run_odd(stage, data, other);
    }
    std::swap(data, other);
  }
  return data;
}

void RealFft::forward(const float* signal, float* real, float* imag, float* work) const {
  const std::size_t m = size_ / 2, plane = m * kLanes;
  const Complex packed{work, work + plane};
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      packed.real[k * kLanes + l] = signal[2 * k * kLanes + l];
      packed.imag[k * kLanes + l] = signal[(2 * k + 1) * kLanes + l];
    }
  }
  const Complex z = transform(packed, {work + 2 * plane, work + 3 * plane});
  for (std::size_t k = 0; k <= m; ++k) {
    const float c = rotations_[2 * k], s = rotations_[2 * k + 1];
    const std::size_t i = k % m * kLanes, j = (m - k) % m * kLanes;
    for (std::size_t l = 0; l < kLanes; ++l) {
      const float er = 0.5f * (z.real[i + l] + z.real[j + l]);
      const float ei = 0.5f * (z.imag[i + l] - z.imag[j + l]);
      const float odd_r = 0.5f * (z.imag[i + l] + z.imag[j + l]);
      const float odd_i = 0.5f * (z.real[j + l] - z.real[i + l]);
      real[k * kLanes + l] = er + (odd_r * c - odd_i * s);
      imag[k * kLanes + l] = ei + (odd_r * s + odd_i * c);
    }
  }
}

void RealFft::inverse(const float* real, const float* imag, float* signal, float* work) const {
  const std::size_t m = size_ / 2, plane = m * kLanes;
  const float scale = 0.5f / static_cast<float>(m);
  const Complex z{work, work + plane};
  for (std::size_t k = 0; k < m; ++k) {
    const float c = rotations_[2 * k], s = -rotations_[2 * k + 1];
    const float inner = k == 0 ? 0.0f : scale;  // bins 0 and M have no imaginary part
    const std::size_t i = k * kLanes, j = (m - k) * kLanes;
    for (std::size_t l = 0; l < kLanes; ++l) {
      const float er = scale * (real[i + l] + real[j + l]);
      const float ei = inner * (imag[i + l] - imag[j + l]);
      const float dr = scale * (real[i + l] - real[j + l]);
      const float di = inner * (imag[i + l] + imag[j + l]);
      const float odd_r = dr * c - di * s, odd_i = dr * s + di * c;
      z.real[i + l] = er - odd_i;
      z.imag[i + l] = ei + odd_r;
    }
  }
  // Exchanging the real and imaginary parts of input and output inverts the direction.
  const Complex x = transform({z.imag, z.real}, {work + 2 * plane, work + 3 * plane});
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      signal[2 * k * kLanes + l] = x.imag[k * kLanes + l];
      signal[(2 * k + 1) * kLanes + l] = x.real[k * kLanes + l];
    }
  }
}

}  // namespace edgewright
