#include "core/simd/ctc.h"

#include "core/lanes.h"
#include "core/simd/transpose.h"
#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

// From this many values on, a row fills vectors of its own; below, kWidth rows stand in lanes.
constexpr std::size_t kLongRow = 160;
constexpr float kInfinity = __builtin_inff();
constexpr std::size_t kTogether = 4;  // vectors, because a maximum waits for the one before it

// The largest value of each lane so far.
struct Best {
  Floats value = Floats{} - kInfinity;
  Ints index{};
  Ints invalid{};

  inline __attribute__((always_inline)) void take(Floats x, Ints indices) {
    const Ints larger_ones = x > value;
    value = larger_ones ? x : value;
    index = larger_ones ? indices : index;
    invalid |= x != x;
  }
};

// Best of each of kWidth rows; `rows` may be read to the next multiple of kWidth values.
Ints best_of_rows(const float* const* rows, std::size_t size) {
  Best best;
  for (std::size_t i = 0; i < size; i += kWidth) {
    Floats block[kWidth];
    for (std::size_t r = 0; r < kWidth; ++r) block[r] = load<Floats>(rows[r] + i);
    transpose(block);
    for (std::size_t r = 0; r < kWidth && i + r < size; ++r) {
      best.take(block[r], Ints{} + static_cast<std::int32_t>(i + r));
    }
  }
  best.invalid |= best.value == kInfinity;
  best.invalid |= best.value == -kInfinity;
  return best.invalid ? Ints{} - 1 : best.index;
}

void best_of_short_rows(const float* logits, std::size_t rows, std::size_t size,
                        std::int32_t* best) {
  // Rows whose vectors would reach behind the end are copied, with room behind them.
  const std::size_t reach = (size + kWidth - 1) / kWidth * kWidth, end = rows * size;
  const std::size_t safe = end < reach ? 0 : (end - reach) / size + 1;
  float tail[kLongRow + 2 * kWidth] = {};
  for (std::size_t i = safe * size; i < end; ++i) tail[i - safe * size] = logits[i];
  for (std::size_t first = 0; first < rows; first += kWidth) {
    const float* lanes[kWidth];
    for (std::size_t r = 0; r < kWidth; ++r) {
      const std::size_t row = first + r < rows ? first + r : rows - 1;
      lanes[r] = row < safe ? logits + row * size : tail + (row - safe) * size;
    }
    const Ints found = best_of_rows(lanes, size);
    for (std::size_t r = 0; r < kWidth && first + r < rows; ++r) best[first + r] = found[r];
  }
}

inline __attribute__((always_inline)) float largest_lane(Floats lanes) {
  float values[kWidth];
  store(values, lanes);
  for (std::size_t half = kWidth / 2; half > 0; half /= 2) {
    for (std::size_t r = 0; r < half; ++r) values[r] = larger(values[r], values[r + half]);
  }
  return values[0];
}

// The largest value, NaN where there is one.
float largest_of(const float* row, std::size_t size) {
  Floats best[kTogether];
  for (Floats& lanes : best) lanes = Floats{} - kInfinity;
  Ints unordered{};
  const auto take = [&](std::size_t i, std::size_t v) {
    const Floats x = load<Floats>(row + i);
    best[v] = larger(x, best[v]);
    unordered |= x != x;
  };
  std::size_t i = 0;
  for (; i + kTogether * kWidth <= size; i += kTogether * kWidth) {
    for (std::size_t v = 0; v < kTogether; ++v) take(i + v * kWidth, v);
  }
  for (; i + kWidth < size; i += kWidth) take(i, 0);
  take(size - kWidth, 1);  // may repeat values of the vector before it
  if (any(unordered)) return __builtin_nanf("");
  static_assert(kTogether == 4, "four accumulators");
  return largest_lane(larger(larger(best[0], best[1]), larger(best[2], best[3])));
}

std::int32_t best_of_long_row(const float* row, std::size_t size) {
  const float value = largest_of(row, size);
  if (value != value || value == kInfinity || value == -kInfinity) return -1;
  std::size_t i = 0;
  for (; i + kTogether * kWidth <= size; i += kTogether * kWidth) {
    Ints equal{};
    for (std::size_t v = 0; v < kTogether; ++v) {
      equal |= load<Floats>(row + i + v * kWidth) == value;
    }
    if (any(equal)) break;
  }
  while (i + kWidth < size && !any(load<Floats>(row + i) == value)) i += kWidth;
  while (row[i] != value) ++i;
  return static_cast<std::int32_t>(i);
}

void best_tokens(const float* logits, std::size_t rows, std::size_t size, std::int32_t* best) {
  if (size < kLongRow && rows > 0) return best_of_short_rows(logits, rows, size, best);
  for (std::size_t row = 0; row < rows; ++row) {
    best[row] = best_of_long_row(logits + row * size, size);
  }
}

}  // namespace

extern const CtcLoops ctc_loops;
const CtcLoops ctc_loops{&best_tokens};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
