#include "core/simd/resize.h"

#include "core/simd/vectors.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__clang__)
#define EDGEWRIGHT_BYTE_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define EDGEWRIGHT_BYTE_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Bytes{__VA_ARGS__})
#endif

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

constexpr std::size_t kChannels = 3;
constexpr std::size_t kRows = kResizeRows;

typedef std::uint8_t Bytes __attribute__((vector_size(16)));
typedef std::uint8_t Pixels __attribute__((vector_size(EDGEWRIGHT_VECTOR_BYTES / 4)));
typedef std::uint16_t Shorts __attribute__((vector_size(EDGEWRIGHT_VECTOR_BYTES / 2)));
constexpr std::size_t kVectors = kRows / kWidth;  // of one row of lanes

inline __attribute__((always_inline)) Bytes zip_low(Bytes a, Bytes b) {
  return EDGEWRIGHT_BYTE_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
inline __attribute__((always_inline)) Bytes zip_high(Bytes a, Bytes b) {
  return EDGEWRIGHT_BYTE_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
}

// Exchanges rows and columns of 16 vectors of 16 bytes.
inline __attribute__((always_inline)) void transpose(Bytes* rows) {
  for (int round = 0; round < 4; ++round) {
    Bytes zipped[kRows];
    for (std::size_t i = 0; i < kRows / 2; ++i) {
      zipped[2 * i] = zip_low(rows[i], rows[i + kRows / 2]);
      zipped[2 * i + 1] = zip_high(rows[i], rows[i + kRows / 2]);
    }
    for (std::size_t i = 0; i < kRows; ++i) rows[i] = zipped[i];
  }
}

// At most 16 bytes, zeros behind them.
inline __attribute__((always_inline)) Bytes load_bytes(const std::uint8_t* from, std::size_t size) {
  if (size >= sizeof(Bytes)) return load<Bytes>(from);
  Bytes bytes{};
  for (std::size_t i = 0; i < size; ++i) bytes[i] = from[i];
  return bytes;
}

inline __attribute__((always_inline)) void store_bytes(std::uint8_t* to, std::size_t size,
                                                       Bytes bytes) {
  if (size >= sizeof(Bytes)) return store(to, bytes);
  for (std::size_t i = 0; i < size; ++i) to[i] = bytes[i];
}

// Writes the byte i of every row side by side, for i < size; missing rows repeat the last one.
void to_lanes(const std::uint8_t* const* rows, std::size_t count, std::size_t size,
              std::uint8_t* lanes) {
  for (std::size_t i = 0; i < size; i += kRows) {
    Bytes block[kRows];
    for (std::size_t r = 0; r < kRows; ++r) {
      block[r] = load_bytes(rows[r < count ? r : count - 1] + i, size - i);
    }
    transpose(block);
    for (std::size_t r = 0; r < kRows; ++r) store(lanes + (i + r) * kRows, block[r]);
  }
}

void from_lanes(const std::uint8_t* lanes, std::size_t size, std::size_t count,
                std::uint8_t* const* rows) {
  for (std::size_t i = 0; i < size; i += kRows) {
    Bytes block[kRows];
    for (std::size_t r = 0; r < kRows; ++r) block[r] = load<Bytes>(lanes + (i + r) * kRows);
    transpose(block);
    for (std::size_t r = 0; r < count; ++r) store_bytes(rows[r] + i, size - i, block[r]);
  }
}

// In two steps, because compilers take one step of four times the width element by element.
inline __attribute__((always_inline)) Ints load_pixels(const std::uint8_t* from) {
  return __builtin_convertvector(__builtin_convertvector(load<Pixels>(from), Shorts), Ints);
}

// Cuts 16 numbers to 0 ... 255.
inline __attribute__((always_inline)) Bytes narrow(const std::int32_t* numbers) {
#if defined(__SSE2__)
  __m128i parts[4];
  for (int i = 0; i < 4; ++i) {
    parts[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(numbers + 4 * i));
  }
  const __m128i bytes =
      _mm_packus_epi16(_mm_packs_epi32(parts[0], parts[1]), _mm_packs_epi32(parts[2], parts[3]));
  return reinterpret_cast<Bytes>(bytes);
#else
  Bytes bytes;
  for (int i = 0; i < 16; ++i) {
    bytes[i] = static_cast<std::uint8_t>(numbers[i] < 0 ? 0 : numbers[i] > 255 ? 255 : numbers[i]);
  }
  return bytes;
#endif
}

inline __attribute__((always_inline)) Bytes rounded(const Ints* sums, int bits) {
  std::int32_t numbers[kRows];
  for (std::size_t v = 0; v < kVectors; ++v) store(numbers + v * kWidth, sums[v] >> bits);
  return narrow(numbers);
}

// a0 b0 + a1 b1 of the 16-bit halves of each lane.
inline __attribute__((always_inline)) Ints multiply_pairs(Ints a, Ints b) {
#if defined(__AVX512BW__)
  return reinterpret_cast<Ints>(
      _mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Ints>(
      _mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Ints>(
      _mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  return (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}

// Writes pixels 2 p and 2 p + 1 of each channel as the halves of one number a lane.
void to_pairs(const std::uint8_t* lanes, std::size_t columns, std::uint8_t* pairs) {
  typedef std::uint16_t Halves __attribute__((vector_size(32)));
  for (std::size_t x = 0; x < columns; x += 2) {
    for (std::size_t c = 0; c < kChannels; ++c) {
      const std::uint8_t* const first = lanes + (x * kChannels + c) * kRows;
      const Bytes a = load<Bytes>(first);
      const Bytes b = x + 1 < columns ? load<Bytes>(first + kChannels * kRows) : Bytes{};
      store(pairs, __builtin_convertvector(zip_low(a, b), Halves));
      store(pairs + sizeof(Halves), __builtin_convertvector(zip_high(a, b), Halves));
      pairs += 2 * sizeof(Halves);
    }
  }
}

// One channel of an output pixel of 16 rows.
inline __attribute__((always_inline)) Bytes resize_pixel(const std::uint8_t* input,
                                                         const std::int32_t* high,
                                                         const std::int32_t* low,
                                                         std::uint32_t count,
                                                         const PairTable& table) {
  Ints upper[kVectors] = {}, sums[kVectors];
  for (Ints& sum : sums) sum = Ints{} + table.half;
  for (std::uint32_t j = 0; j < count; ++j, input += kChannels * kRows * 4) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      const Ints x = load<Ints>(input + v * kVectorBytes);
      upper[v] += multiply_pairs(x, Ints{} + high[j]);
      sums[v] += multiply_pairs(x, Ints{} + low[j]);
    }
  }
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] += upper[v] << 11;
  return rounded(sums, table.bits);
}

void resize_lanes(const std::uint8_t* pairs, const PairTable& table, std::uint8_t* output) {
  const std::int32_t *high = table.high, *low = table.low;
  for (std::size_t i = 0; i < table.size; ++i) {
    const std::uint32_t count = table.count[i];
    for (std::size_t c = 0; c < kChannels; ++c) {
      const std::uint8_t* const input = pairs + (table.first[i] * kChannels + c) * kRows * 4;
      store(output, resize_pixel(input, high, low, count, table));
      output += kRows;
    }
    high += count;
    low += count;
  }
}

std::size_t round_up(std::size_t size) { return (size + kRows - 1) / kRows * kRows; }

void resize_width(const std::uint8_t* const* rows, std::size_t count, std::size_t columns,
                  const PairTable& table, std::uint8_t* scratch, std::uint8_t* const* outputs) {
  const std::size_t size = columns * kChannels;
  std::uint8_t* const pairs = scratch;
  std::uint8_t* const lanes = pairs + (columns + 1) / 2 * kChannels * kRows * 4;
  std::uint8_t* const resized = lanes + round_up(size) * kRows;
  to_lanes(rows, count, size, lanes);
  to_pairs(lanes, columns, pairs);
  resize_lanes(pairs, table, resized);
  from_lanes(resized, table.size * kChannels, count, outputs);
}

void resize_height(const std::uint8_t* rows, std::size_t pitch, std::size_t size,
                   const ResizeTable& table, std::size_t i, std::uint8_t* output) {
  const std::int32_t* const weights = table.weights + i * table.stride;
  rows += static_cast<std::size_t>(table.first[i]) * pitch;
  for (std::size_t x = 0; x < size; x += kRows) {
    const std::size_t left = size - x;
    Ints sums[kVectors];
    for (Ints& sum : sums) sum = Ints{} + table.half;
    for (int j = 0; j < table.count[i]; ++j) {
      const Bytes bytes = load_bytes(rows + static_cast<std::size_t>(j) * pitch + x, left);
      std::uint8_t pixels[kRows];
      store(pixels, bytes);
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[v] += load_pixels(pixels + v * kWidth) * weights[j];
      }
    }
    store_bytes(output + x, left, rounded(sums, table.bits));
  }
}

}  // namespace

extern const ResizeLoops resize_loops;
const ResizeLoops resize_loops{&resize_width, &resize_height};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
