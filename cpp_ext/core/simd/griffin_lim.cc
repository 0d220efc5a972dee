#include "core/simd/griffin_lim.h"

#include "core/simd/exponential.h"
#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

constexpr std::size_t kVectors = kLanes / kWidth;  // of a row
constexpr float kTiny = 1e-30f;

inline __attribute__((always_inline)) Floats square_root(Floats x) {
  float lanes[kWidth];
  store(lanes, x);
  for (std::size_t i = 0; i < kWidth; ++i) lanes[i] = __builtin_sqrtf(lanes[i]);
  return load<Floats>(lanes);
}

void take_exponential(float* rows, std::size_t size, float added) {
  for (std::size_t i = 0; i < size * kLanes; i += kWidth) {
    const Floats x = larger(load<Floats>(rows + i), Floats{} - 87.0f);
    store(rows + i, larger(exponential(x) - added, Floats{}));
  }
}

void project(const float* mel, const FilterTable& filters, const float* factors, std::size_t bins,
             float* spectrum) {
  for (std::size_t i = 0; i < bins * kLanes; i += kWidth) store(spectrum + i, Floats{});
  const float* weights = filters.weights;
  for (std::size_t m = 0; m < filters.size; ++m) {
    Floats value[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) {
      value[v] = load<Floats>(mel + m * kLanes + v * kWidth);
    }
    float* row = spectrum + filters.first[m] * kLanes;
    for (std::size_t i = 0; i < filters.count[m]; ++i, row += kLanes) {
      const float weight = *weights++;
      for (std::size_t v = 0; v < kVectors; ++v) {
        store(row + v * kWidth, load<Floats>(row + v * kWidth) + weight * value[v]);
      }
    }
  }
  for (std::size_t k = 0; k < bins; ++k) {
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
      float* const row = spectrum + k * kLanes + lane;
      store(row, load<Floats>(row) * factors[k]);
    }
  }
}

void divide(const float* wanted, std::size_t size, float* values) {
  for (std::size_t i = 0; i < size * kLanes; i += kWidth) {
    store(values + i, load<Floats>(wanted + i) / (load<Floats>(values + i) + kTiny));
  }
}

void multiply(const float* factors, std::size_t size, float* values) {
  for (std::size_t i = 0; i < size * kLanes; i += kWidth) {
    store(values + i, load<Floats>(values + i) * load<Floats>(factors + i));
  }
}

void accelerate(const float* magnitudes, std::size_t bins, float b, const float* now,
                float* previous) {
  for (std::size_t k = 0; k < bins; ++k) {
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
      const std::size_t r = 2 * k * kLanes + lane, i = r + kLanes;
      const Floats real = load<Floats>(now + r) - b * load<Floats>(previous + r);
      const Floats imag = load<Floats>(now + i) - b * load<Floats>(previous + i);
      const Floats wanted = load<Floats>(magnitudes + k * kLanes + lane);
      const Floats scale = wanted / square_root(real * real + imag * imag + kTiny);
      store(previous + r, real * scale);
      store(previous + i, imag * scale);
    }
  }
}

}  // namespace

extern const GriffinLimLoops griffin_lim_loops;
const GriffinLimLoops griffin_lim_loops{&take_exponential, &project, &divide, &multiply,
                                        &accelerate};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
