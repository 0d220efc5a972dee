#include "core/simd/samples.h"

#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

constexpr std::int32_t kMagnitudeBits = 0x7fffffff;

// Magnitudes are in the order of their bits read as integers, and NaN stands above infinity.
float largest_magnitude(const float* samples, std::size_t size) {
  Ints lanes[2] = {};  // a maximum waits for the one before it
  std::size_t i = 0;
  for (; i + 2 * kWidth <= size; i += 2 * kWidth) {
    lanes[0] = larger(lanes[0], load<Ints>(samples + i) & kMagnitudeBits);
    lanes[1] = larger(lanes[1], load<Ints>(samples + i + kWidth) & kMagnitudeBits);
  }
  const Ints both = larger(lanes[0], lanes[1]);
  std::int32_t largest = 0;
  for (std::size_t lane = 0; lane < kWidth; ++lane) largest = larger(largest, both[lane]);
  for (; i < size; ++i) {
    std::int32_t bits;
    __builtin_memcpy(&bits, samples + i, sizeof bits);
    largest = larger(largest, bits & kMagnitudeBits);
  }
  float magnitude;
  __builtin_memcpy(&magnitude, &largest, sizeof magnitude);
  return magnitude;
}

void emphasize(const float* samples, std::size_t size, float scale, float preemphasis,
               float* output) {
  std::size_t i = 0;
  for (; i + kWidth <= size; i += kWidth) {
    const Floats before = load<Floats>(samples + i - 1) * scale;
    store(output + i, load<Floats>(samples + i) * scale - preemphasis * before);
  }
  for (; i < size; ++i) {
    output[i] = samples[i] * scale - preemphasis * (samples[i - 1] * scale);
  }
}

}  // namespace

extern const SampleLoops sample_loops;
const SampleLoops sample_loops{&largest_magnitude, &emphasize};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
