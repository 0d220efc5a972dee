#include "core/simd/fft.h"

#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

// A complex value in each lane.
struct Value {
  Floats real;
  Floats imag;
};

inline __attribute__((always_inline)) Value operator+(Value a, Value b) {
  return {a.real + b.real, a.imag + b.imag};
}
inline __attribute__((always_inline)) Value operator-(Value a, Value b) {
  return {a.real - b.real, a.imag - b.imag};
}
// -i times a.
inline __attribute__((always_inline)) Value turned(Value a) { return {a.imag, -a.real}; }

inline __attribute__((always_inline)) Value times(Value a, const float* factor) {
  return {a.real * factor[0] - a.imag * factor[1], a.real * factor[1] + a.imag * factor[0]};
}
inline __attribute__((always_inline)) Value load_value(Planes from, std::size_t i) {
  return {load<Floats>(from.real + i), load<Floats>(from.imag + i)};
}
inline __attribute__((always_inline)) void store_value(Planes to, std::size_t i, Value value) {
  store(to.real + i, value.real);
  store(to.imag + i, value.imag);
}

void run_radix2(const FftPass& pass, std::size_t begin, Planes data) {
  const std::size_t half = pass.length / 2;
  for (std::size_t j = 0; j < half; ++j) {
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
      const std::size_t i = (begin + j) * kLanes + lane, step = half * kLanes;
      const Value a = load_value(data, i), b = load_value(data, i + step);
      store_value(data, i, a + b);
      store_value(data, i + step, times(a - b, pass.twiddles + 2 * j));
    }
  }
}

// The four sums of a butterfly, before their twiddles.
inline __attribute__((always_inline)) void radix4(Value& a, Value& b, Value& c, Value& d) {
  const Value even = a + c, odd = a - c, sum = b + d, difference = turned(b - d);
  a = even + sum;
  b = odd + difference;
  c = even - sum;
  d = odd - difference;
}

void run_radix4(const FftPass& pass, std::size_t begin, Planes data) {
  const std::size_t quarter = pass.length / 4, step = quarter * kLanes;
  for (std::size_t j = 0; j < quarter; ++j) {
    const float* const w = pass.twiddles + 6 * j;
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
      const std::size_t i = (begin + j) * kLanes + lane;
      Value a = load_value(data, i), b = load_value(data, i + step);
      Value c = load_value(data, i + 2 * step), d = load_value(data, i + 3 * step);
      radix4(a, b, c, d);
      store_value(data, i, a);
      store_value(data, i + step, times(b, w));
      store_value(data, i + 2 * step, times(c, w + 2));
      store_value(data, i + 3 * step, times(d, w + 4));
    }
  }
}

// The last pass, whose twiddles are 1.
void run_last_radix4(std::size_t rows, Planes data) {
  for (std::size_t begin = 0; begin < rows; begin += 4) {
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
      const std::size_t i = begin * kLanes + lane;
      Value a = load_value(data, i), b = load_value(data, i + kLanes);
      Value c = load_value(data, i + 2 * kLanes), d = load_value(data, i + 3 * kLanes);
      radix4(a, b, c, d);
      store_value(data, i, a);
      store_value(data, i + kLanes, b);
      store_value(data, i + 2 * kLanes, c);
      store_value(data, i + 3 * kLanes, d);
    }
  }
}

// A radix without a form of its own: the sum that defines the transform.
void run_other(const FftPass& pass, std::size_t begin, Planes data) {
  const std::size_t p = pass.radix, part = pass.length / p;
  const Planes inputs{pass.scratch, pass.scratch + p * kLanes};
  for (std::size_t j = 0; j < part; ++j) {
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
      for (std::size_t k = 0; k < p; ++k) {
        const Value input = load_value(data, (begin + j + k * part) * kLanes + lane);
        store_value(inputs, k * kLanes + lane, input);
      }
      for (std::size_t t = 0; t < p; ++t) {
        Value sum{};
        for (std::size_t k = 0; k < p; ++k) {
          sum = sum + times(load_value(inputs, k * kLanes + lane), pass.roots + 2 * (k * t % p));
        }
        if (t > 0) sum = times(sum, pass.twiddles + 2 * (j * (p - 1) + t - 1));
        store_value(data, (begin + j + t * part) * kLanes + lane, sum);
      }
    }
  }
}

void run_pass(const FftPass& pass, std::size_t rows, Planes data) {
  if (pass.radix == 4 && pass.length == 4) return run_last_radix4(rows, data);
  for (std::size_t begin = 0; begin < rows; begin += pass.length) {
    if (pass.radix == 4) {
      run_radix4(pass, begin, data);
    } else if (pass.radix == 2) {
      run_radix2(pass, begin, data);
    } else {
      run_other(pass, begin, data);
    }
  }
}

// X[k] and X[M - k] of a pair of rows of Z: E + W O and conj(E - W O).
struct Pair {
  Value low;
  Value high;
};

inline __attribute__((always_inline)) Pair unpack_pair(Value a, Value b, const float* rotation) {
  const Value even{0.5f * (a.real + b.real), 0.5f * (a.imag - b.imag)};
  const Value odd{0.5f * (a.imag + b.imag), 0.5f * (b.real - a.real)};
  const Value turn = times(odd, rotation);
  return {even + turn, {even.real - turn.real, turn.imag - even.imag}};
}

// X[0] and X[M] = E[0] + O[0] and E[0] - O[0], both real.
inline __attribute__((always_inline)) Pair unpack_ends(Value a) {
  return {{a.real + a.imag, Floats{}}, {a.real - a.imag, Floats{}}};
}

inline __attribute__((always_inline)) Pair load_pair(Planes z, const FftOrder& order,
                                                     const float* rotations, std::size_t k,
                                                     std::size_t lane) {
  const Value a = load_value(z, order.rows[k] * kLanes + lane);
  if (k == 0) return unpack_ends(a);
  const Value b = load_value(z, order.rows[order.size - k] * kLanes + lane);
  return unpack_pair(a, b, rotations + 2 * k);
}

inline __attribute__((always_inline)) void store_bin(float* spectrum, std::size_t k,
                                                     std::size_t lane, Value value) {
  store(spectrum + 2 * k * kLanes + lane, value.real);
  store(spectrum + (2 * k + 1) * kLanes + lane, value.imag);
}

inline __attribute__((always_inline)) void store_power(float* power, std::size_t k,
                                                       std::size_t lane, Value value) {
  store(power + k * kLanes + lane, value.real * value.real + value.imag * value.imag);
}

void unpack(Planes z, const FftOrder& order, const float* rotations, float* spectrum) {
  for (std::size_t k = 0; k <= order.size / 2; ++k) {
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
      const Pair x = load_pair(z, order, rotations, k, lane);
      store_bin(spectrum, k, lane, x.low);
      store_bin(spectrum, order.size - k, lane, x.high);
    }
  }
}

void power(Planes z, const FftOrder& order, const float* rotations, float* powers) {
  for (std::size_t k = 0; k <= order.size / 2; ++k) {
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
      const Pair x = load_pair(z, order, rotations, k, lane);
      store_power(powers, k, lane, x.low);
      store_power(powers, order.size - k, lane, x.high);
    }
  }
}

inline __attribute__((always_inline)) Value load_bin(const float* spectrum, std::size_t k,
                                                     std::size_t lane) {
  return {load<Floats>(spectrum + 2 * k * kLanes + lane),
          load<Floats>(spectrum + (2 * k + 1) * kLanes + lane)};
}

// With E and O as above, Z[k] = E + i O and Z[M - k] = conj(E) + i conj(O).
void pack(const float* spectrum, const float* rotations, std::size_t m, float scale, Planes z) {
  for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
    const Floats first = load_bin(spectrum, 0, lane).real, last = load_bin(spectrum, m, lane).real;
    store_value(z, lane, {scale * (first + last), scale * (first - last)});
  }
  for (std::size_t k = 1; k <= m / 2; ++k) {
    const float back[2] = {rotations[2 * k], -rotations[2 * k + 1]};
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
      const Value a = load_bin(spectrum, k, lane), b = load_bin(spectrum, m - k, lane);
      const Value even{scale * (a.real + b.real), scale * (a.imag - b.imag)};
      const Value difference{scale * (a.real - b.real), scale * (a.imag + b.imag)};
      const Value odd = times(difference, back);
      store_value(z, k * kLanes + lane, {even.real - odd.imag, even.imag + odd.real});
      store_value(z, (m - k) * kLanes + lane, {even.real + odd.imag, odd.real - even.imag});
    }
  }
}

}  // namespace

extern const FftLoops fft_loops;
const FftLoops fft_loops{&run_pass, &unpack, &power, &pack};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
