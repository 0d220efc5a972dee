#include "core/simd/resize.h"

#include "core/simd/bytes.h"
#include "core/simd/pairs.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

// Lanes of two columns of a row group.
constexpr std::size_t kGroupLanes = kRowGroup * kPixelLanes;
constexpr std::size_t kVectors = kGroupLanes / kWidth;
constexpr int kWeightBits = 22;

typedef std::int32_t Pixel __attribute__((vector_size(16)));

struct Sums {
  Words high;
  Words low;

  inline __attribute__((always_inline)) void add(Ints pairs, Ints high_weight, Ints low_weight) {
    high += multiply_pairs(pairs, high_weight);
    low += multiply_pairs(pairs, low_weight);
  }

  // Rounds to a pixel.
  inline __attribute__((always_inline)) Ints values() const {
    const Words sum = (high << 8) + low + (std::uint32_t{1} << (kWeightBits - 1));
    const Ints value = reinterpret_cast<Ints>(sum) >> kWeightBits;
    return smaller(larger(value, Ints{}), Ints{} + 255);
  }
};

inline __attribute__((always_inline)) Ints all(std::int32_t value) { return Ints{} + value; }

// Writes the channels of two neighbouring pixels as pairs, one lane a channel.
inline __attribute__((always_inline)) void spread_two(const std::uint8_t* pixels, bool has_second,
                                                      std::int32_t* lanes) {
  for (std::size_t c = 0; c < 3; ++c) {
    lanes[c] = pixels[c] | (has_second ? pixels[c + 3] << 16 : 0);
  }
  lanes[3] = 0;
}

#if defined(EDGEWRIGHT_BYTE_SHUFFLE)
constexpr unsigned char o = 0xff;  // a byte that becomes zero
#define EDGEWRIGHT_FIRST_PAIR 0, o, 3, o, 1, o, 4, o, 2, o, 5, o, o, o, o, o
#define EDGEWRIGHT_SECOND_PAIR 6, o, 9, o, 7, o, 10, o, 8, o, 11, o, o, o, o, o
#if EDGEWRIGHT_VECTOR_BYTES >= 32
constexpr std::size_t kRowsTogether = 2;
constexpr Bytes kFirstPair = {EDGEWRIGHT_FIRST_PAIR, EDGEWRIGHT_FIRST_PAIR};
constexpr Bytes kSecondPair = {EDGEWRIGHT_SECOND_PAIR, EDGEWRIGHT_SECOND_PAIR};

inline __attribute__((always_inline)) Bytes load_rows(const std::uint8_t* const* rows,
                                                      std::size_t offset) {
  typedef long long Half __attribute__((vector_size(16)));
  typedef long long Halves __attribute__((vector_size(32)));
  return reinterpret_cast<Bytes>(__builtin_ia32_insert128i256(load<Halves>(rows[0] + offset),
                                                              load<Half>(rows[1] + offset), 1));
}
#else
constexpr std::size_t kRowsTogether = 1;
constexpr Bytes kFirstPair = {EDGEWRIGHT_FIRST_PAIR};
constexpr Bytes kSecondPair = {EDGEWRIGHT_SECOND_PAIR};

inline __attribute__((always_inline)) Bytes load_rows(const std::uint8_t* const* rows,
                                                      std::size_t offset) {
  return load<Bytes>(rows[0] + offset);
}
#endif

// Spreads pairs two by two, from `m` on and before `end`, and returns where it stopped: a load
// takes a few bytes more, which may lie behind the image.
inline __attribute__((always_inline)) std::size_t spread_fast(const std::uint8_t* const* rows,
                                                              std::size_t width, std::size_t m,
                                                              std::size_t end,
                                                              std::int32_t* lanes) {
  constexpr std::size_t kLoad = sizeof(Bytes);
  const std::size_t limit = width * 3 < kLoad ? 0 : (width * 3 - kLoad) / 6 + 1;
  end = end < limit ? end : limit;
  const std::uint8_t* from[kRowGroup];
  for (std::size_t r = 0; r < kRowGroup; ++r) from[r] = rows[r];
  for (; m + 2 <= end; m += 2, lanes += 2 * kGroupLanes) {
    for (std::size_t r = 0; r < kRowGroup; r += kRowsTogether) {
      const Bytes bytes = load_rows(from + r, m * 6);
      store(lanes + r * kPixelLanes, shuffled(bytes, kFirstPair));
      store(lanes + kGroupLanes + r * kPixelLanes, shuffled(bytes, kSecondPair));
    }
  }
  return m;
}
#endif

// Spreads the columns of the pairs [begin, end) of four rows, row by row within a pair.
void spread(const std::uint8_t* const* rows, std::size_t width, std::size_t begin, std::size_t end,
            std::int32_t* lanes) {
  std::size_t m = begin;
#if defined(EDGEWRIGHT_BYTE_SHUFFLE)
  m = spread_fast(rows, width, begin, end, lanes);
#endif
  for (; m < end; ++m) {
    for (std::size_t r = 0; r < kRowGroup; ++r) {
      spread_two(rows[r] + m * 6, m * 2 + 1 < width,
                 lanes + (m - begin) * kGroupLanes + r * kPixelLanes);
    }
  }
}

// The columns of a row group, spread; of these the last few, so that they stay in the first cache.
struct SpreadColumns {
  const std::uint8_t* const* rows;
  std::size_t width;
  std::int32_t* scratch;
  std::size_t capacity;
  std::size_t begin = 0;  // pairs [begin, end) are in `scratch`
  std::size_t end = 0;

  // Returns the lanes of the pairs from `first` on, of which `count` may be read. What lies behind
  // the last pair of the row is left as it is.
  const std::int32_t* at(std::size_t first, std::size_t count) {
    if (first + count > begin + capacity || end == 0) move_to(first);
    return scratch + (first - begin) * kGroupLanes;
  }

  void move_to(std::size_t first) {
    const std::size_t kept = end > first ? end - first : 0;
    const std::size_t num_pairs = (width + 1) / 2;
    std::int32_t* const from = scratch + (end - kept - begin) * kGroupLanes;
    __builtin_memmove(scratch, from, kept * kGroupLanes * sizeof *scratch);
    begin = first;
    end = first + capacity < num_pairs ? first + capacity : num_pairs;
    spread(rows, width, first + kept, end, scratch + kept * kGroupLanes);
  }
};

// Writes the lanes of one pixel of four rows as two pairs.
inline __attribute__((always_inline)) void store_pairs(const Sums* sums, std::size_t i,
                                                       std::int32_t* const* outputs) {
  std::int32_t values[kGroupLanes];
  for (std::size_t v = 0; v < kVectors; ++v) store(values + v * kWidth, sums[v].values());
  for (std::size_t p = 0; p < kRowGroup / 2; ++p) {
    const std::int32_t* const even = values + p * 2 * kPixelLanes;
    const Pixel pair = load<Pixel>(even) | (load<Pixel>(even + kPixelLanes) << 16);
    store(outputs[p] + i * kPixelLanes, pair);
  }
}

void resize_columns(const std::uint8_t* const* rows, std::size_t width,
                    const PairWeightsView& weights, std::int32_t* scratch,
                    std::size_t scratch_pairs, std::int32_t* const* outputs) {
  SpreadColumns columns{rows, width, scratch, scratch_pairs};
  const std::int32_t *high = weights.high, *low = weights.low;
  for (std::size_t i = 0; i < weights.size; ++i) {
    const std::int32_t* pairs =
        columns.at(static_cast<std::size_t>(weights.first[i]), weights.count);
    Sums sums[kVectors] = {};
    for (std::size_t j = 0; j < weights.count; ++j, ++high, ++low, pairs += kGroupLanes) {
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[v].add(load<Ints>(pairs + v * kWidth), all(*high), all(*low));
      }
    }
    store_pairs(sums, i, outputs);
  }
}

void pair_rows(const std::uint8_t* even, const std::uint8_t* odd, std::size_t size,
               std::int32_t* output) {
  for (std::size_t x = 0; x < size; ++x) output[x] = even[x] | odd[x] << 16;
}

void resize_rows(const std::int32_t* const* pairs, const PairWeightsView& weights, std::size_t i,
                 std::size_t size, std::int32_t* output) {
  constexpr std::size_t kTogether = 2;  // vectors
  const std::int32_t* const high = weights.high + i * weights.count;
  const std::int32_t* const low = weights.low + i * weights.count;
  for (std::size_t x = 0; x < size; x += kTogether * kWidth) {
    Sums sums[kTogether] = {};
    for (std::size_t j = 0; j < weights.count; ++j) {
      for (std::size_t v = 0; v < kTogether; ++v) {
        sums[v].add(load<Ints>(pairs[j] + x + v * kWidth), all(high[j]), all(low[j]));
      }
    }
    for (std::size_t v = 0; v < kTogether; ++v) store(output + x + v * kWidth, sums[v].values());
  }
}

}  // namespace

extern const ResizeLoops resize_loops;
const ResizeLoops resize_loops{&resize_columns, &pair_rows, &resize_rows};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
