#include "core/simd/log_mel.h"

#include "core/simd/logarithm.h"
#include "core/simd/transpose.h"
#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

constexpr std::size_t kVectors = kLanes / kWidth;  // of a row

// Means of kWidth frames. Sample i goes into sum i % kLanes of its frame, and then the sums are
// added in turn, so that every instruction set rounds alike.
Floats means(const float* const* frames, std::size_t size) {
  Floats sums[kVectors][kWidth] = {};
  const std::size_t whole = size / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      for (std::size_t r = 0; r < kWidth; ++r) {
        sums[v][r] += load<Floats>(frames[r] + i + v * kWidth);
      }
    }
  }
  Floats total{};
  for (std::size_t v = 0; v < kVectors; ++v) {
    transpose(sums[v]);
    for (std::size_t r = 0; r < kWidth; ++r) total += sums[v][r];
  }
  for (std::size_t r = 0; r < kWidth; ++r) {
    for (std::size_t i = whole; i < size; ++i) total[r] += frames[r][i];
  }
  return total * (1.0f / static_cast<float>(size));
}

inline __attribute__((always_inline)) float* row_of(Planes signal, std::size_t sample) {
  return (sample % 2 == 0 ? signal.real : signal.imag) + sample / 2 * kLanes;
}

void clear_rows(Planes signal, std::size_t begin, std::size_t end) {
  for (std::size_t sample = begin; sample < end; ++sample) {
    float* const row = row_of(signal, sample);
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) store(row + lane, Floats{});
  }
}

// One group of kWidth lanes from `lane` on.
void load_lanes(const float* const* frames, const WindowTable& window, bool remove_mean,
                float preemphasis, std::size_t lane, Planes signal) {
  const Floats mean = remove_mean ? means(frames, window.size) : Floats{};
  Floats before{};
  for (std::size_t r = 0; r < kWidth; ++r) before[r] = frames[r][0];
  before -= mean;
  for (std::size_t i = 0; i < window.size; i += kWidth) {
    Floats rows[kWidth];
    for (std::size_t r = 0; r < kWidth; ++r) rows[r] = load<Floats>(frames[r] + i);
    transpose(rows);
    const std::size_t left = window.size - i;
    for (std::size_t r = 0; r < kWidth && r < left; ++r) {
      const Floats x = rows[r] - mean;
      const Floats value = (x - preemphasis * before) * window.weights[i + r];
      store(row_of(signal, window.offset + i + r) + lane, value);
      before = x;
    }
  }
}

void load_frames(const float* const* frames, const WindowTable& window, bool remove_mean,
                 float preemphasis, Planes signal) {
  clear_rows(signal, 0, window.offset);
  for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
    load_lanes(frames + lane, window, remove_mean, preemphasis, lane, signal);
  }
  clear_rows(signal, window.offset + window.size, 2 * window.plane_rows);
}

void square_root(float* rows, std::size_t size) {
  for (std::size_t i = 0; i < size * kLanes; ++i) rows[i] = __builtin_sqrtf(rows[i]);
}

void filter(const float* spectrum, const FilterTable& filters, float* sums) {
  const float* weights = filters.weights;
  for (std::size_t m = 0; m < filters.size; ++m) {
    const float* bins = spectrum + filters.first[m] * kLanes;
    Floats sum[kVectors] = {};
    for (std::uint32_t i = 0; i < filters.count[m]; ++i, bins += kLanes) {
      const float weight = *weights++;
      for (std::size_t v = 0; v < kVectors; ++v) {
        sum[v] += weight * load<Floats>(bins + v * kWidth);
      }
    }
    for (std::size_t v = 0; v < kVectors; ++v) store(sums + m * kLanes + v * kWidth, sum[v]);
  }
}

void add(const float* frame, std::size_t size, double* sums) {
  for (std::size_t i = 0; i < size; ++i) sums[i] += static_cast<double>(frame[i]);
}

void add_squares(const float* frame, const double* means, std::size_t size, double* sums) {
  for (std::size_t i = 0; i < size; ++i) {
    const double difference = static_cast<double>(frame[i]) - means[i];
    sums[i] += difference * difference;
  }
}

void standardize(float* frame, const double* means, const double* scales, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    frame[i] = static_cast<float>((static_cast<double>(frame[i]) - means[i]) * scales[i]);
  }
}

void take_logarithm(float* rows, std::size_t size, float added, float least) {
  for (std::size_t i = 0; i < size * kLanes; i += kWidth) {
    const Floats value = larger(load<Floats>(rows + i) + added, Floats{} + least);
    store(rows + i, logarithm(value));
  }
}

}  // namespace

extern const LogMelLoops log_mel_loops;
const LogMelLoops log_mel_loops{&load_frames, &square_root, &filter,        &add,
                                &add_squares, &standardize, &take_logarithm};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
