#include "core/simd/softmax.h"

#include "core/simd/exponential.h"
#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

// Values that one round of a loop takes, on every instruction set: sums are added in one order.
constexpr std::size_t kRound = 16;
constexpr std::size_t kVectors = kRound / kWidth;
constexpr float kLeast = -87.0f;

// Copies `size` values, fewer than a round, in front of copies of `filler`.
void fill_round(const float* values, std::size_t size, float filler, float* round) {
  for (std::size_t i = 0; i < kRound; ++i) round[i] = i < size ? values[i] : filler;
}

float largest(const float* values, std::size_t size) {
  Floats best[kVectors];
  for (Floats& lanes : best) lanes = Floats{} + values[0];
  std::size_t i = 0;
  for (; i + kRound <= size; i += kRound) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      best[v] = larger(best[v], load<Floats>(values + i + v * kWidth));
    }
  }
  float lanes[kRound];
  for (std::size_t v = 0; v < kVectors; ++v) store(lanes + v * kWidth, best[v]);
  float result = lanes[0];
  for (const float lane : lanes) result = lane > result ? lane : result;
  for (; i < size; ++i) result = values[i] > result ? values[i] : result;
  return result;
}

inline __attribute__((always_inline)) Floats exponential_of(Floats x) {
  return x < kLeast ? Floats{} : exponential(larger(x, Floats{} + kLeast));
}

// One round from `values` on, of which the first `counted` values are in the sums already.
inline __attribute__((always_inline)) void add_round(const float* values, std::int32_t counted,
                                                     float largest, float* output, Floats* sums) {
  for (std::size_t v = 0; v < kVectors; ++v) {
    const Floats p = exponential_of(load<Floats>(values + v * kWidth) - largest);
    const Ints lanes = lane_numbers() + static_cast<std::int32_t>(v * kWidth);
    sums[v] += lanes >= counted ? p : Floats{};
    store(output + v * kWidth, p);
  }
}

double exponentials(const float* values, std::size_t size, float largest, float* output) {
  Floats sums[kVectors] = {};
  std::size_t i = 0;
  for (; i + kRound <= size; i += kRound) add_round(values + i, 0, largest, output + i, sums);
  if (i < size && size > kRound) {
    const std::size_t last = size - kRound;
    const auto counted = static_cast<std::int32_t>(i - last);
    add_round(values + last, counted, largest, output + last, sums);
  } else if (i < size) {
    float from[kRound], to[kRound];
    fill_round(values, size, -__builtin_inff(), from);
    add_round(from, 0, largest, to, sums);
    for (std::size_t j = 0; j < size; ++j) output[j] = to[j];
  }
  float lanes[kRound];
  for (std::size_t v = 0; v < kVectors; ++v) store(lanes + v * kWidth, sums[v]);
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

// Whether any of `rounds` rounds has a value above `least`.
inline __attribute__((always_inline)) bool any_above(const float* values, std::size_t rounds,
                                                     float least) {
  Ints above{};
  for (std::size_t i = 0; i < rounds * kRound; i += kWidth) {
    above |= load<Floats>(values + i) > least;
  }
  return any(above);
}

std::size_t first_above(const float* values, std::size_t begin, std::size_t size, float least) {
  constexpr std::size_t kStride = 4;  // rounds between two looks at the result
  std::size_t i = begin;
  while (i + kStride * kRound <= size && !any_above(values + i, kStride, least)) {
    i += kStride * kRound;
  }
  while (i + kRound <= size && !any_above(values + i, 1, least)) i += kRound;
  while (i < size && !(values[i] > least)) ++i;
  return i;
}

void scale(float* values, std::size_t size, float factor) {
  std::size_t i = 0;
  for (; i + kWidth <= size; i += kWidth) store(values + i, load<Floats>(values + i) * factor);
  for (; i < size; ++i) values[i] *= factor;
}

}  // namespace

extern const SoftmaxLoops softmax_loops;
const SoftmaxLoops softmax_loops{&largest, &exponentials, &first_above, &scale};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
