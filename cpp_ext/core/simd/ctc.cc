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

std::int32_t best_of_long_row(const float* row, std::size_t size) {
  Ints indices{};
  for (std::size_t r = 0; r < kWidth; ++r) indices[r] = static_cast<std::int32_t>(r);
  // Two of them, because a comparison waits for the one before it.
  Best bests[2];
  const std::size_t whole = size / (2 * kWidth) * (2 * kWidth);
  for (std::size_t i = 0; i < whole; i += 2 * kWidth) {
    bests[0].take(load<Floats>(row + i), indices);
    bests[1].take(load<Floats>(row + i + kWidth), indices + static_cast<std::int32_t>(kWidth));
    indices += static_cast<std::int32_t>(2 * kWidth);
  }
  float value = -kInfinity;
  std::int32_t index = 0;
  bool valid = true;
  for (const Best& best : bests) {
    for (std::size_t r = 0; r < kWidth; ++r) {
      const bool larger_one = best.value[r] > value;
      if (larger_one || (best.value[r] == value && best.index[r] < index)) index = best.index[r];
      if (larger_one) value = best.value[r];
      valid = valid && best.invalid[r] == 0;
    }
  }
  for (std::size_t i = whole; i < size; ++i) {
    if (row[i] > value) index = static_cast<std::int32_t>(i);
    if (row[i] > value) value = row[i];
    valid = valid && row[i] == row[i];
  }
  return valid && value != kInfinity && value != -kInfinity ? index : -1;
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
