#include "core/simd/letters.h"

#include "core/simd/bytes.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

constexpr unsigned char kUpperMask = 0xdf;

// Lanes are 0xff where a letter in upper case is none of A, C, G, T, N.
#if defined(EDGEWRIGHT_BYTE_SHUFFLE)
// The last four bits tell these five apart: the base that has them, or what no letter is.
#define EDGEWRIGHT_BASES \
  255, 'A', 255, 'C', 'T', 255, 255, 'G', 255, 255, 255, 255, 255, 255, 'N', 255
#if EDGEWRIGHT_VECTOR_BYTES >= 32
constexpr Bytes kBases = {EDGEWRIGHT_BASES, EDGEWRIGHT_BASES};
#else
constexpr Bytes kBases = {EDGEWRIGHT_BASES};
#endif

inline __attribute__((always_inline)) Bytes are_other(Bytes upper) {
  return reinterpret_cast<Bytes>(shuffled(kBases, upper) != upper);
}
#else
inline __attribute__((always_inline)) Bytes are_other(Bytes upper) {
  const auto bases = (upper == 'A') | (upper == 'C') | (upper == 'G') | (upper == 'T');
  return reinterpret_cast<Bytes>(~(bases | (upper == 'N')));
}
#endif

bool is_other(unsigned char upper) {
  return upper != 'A' && upper != 'C' && upper != 'G' && upper != 'T' && upper != 'N';
}

std::size_t copy_bases(const char* letters, std::size_t size, char* output) {
  std::size_t i = 0;
  for (; i + kByteLanes <= size; i += kByteLanes) {
    const Bytes upper = load<Bytes>(letters + i) & kUpperMask;
    store(output + i, upper);
    const std::size_t count = lanes_before(are_other(upper));
    if (count < kByteLanes) return i + count;
  }
  for (; i < size; ++i) {
    const auto upper = static_cast<unsigned char>(letters[i] & kUpperMask);
    if (is_other(upper)) break;
    output[i] = static_cast<char>(upper);
  }
  return i;
}

bool are_visible(const char* letters, std::size_t size) {
  constexpr unsigned char kNumVisible = '~' - '!' + 1;
  if (size >= kByteLanes) {
    Bytes other = {};
    const auto look = [&](std::size_t i) {
      const Bytes above = load<Bytes>(letters + i) - static_cast<unsigned char>('!');
      other |= reinterpret_cast<Bytes>(above >= kNumVisible);
    };
    for (std::size_t i = 0; i + kByteLanes < size; i += kByteLanes) look(i);
    look(size - kByteLanes);
    return lanes_before(other) == kByteLanes;
  }
  bool bad = false;
  for (std::size_t i = 0; i < size; ++i) {
    bad |= static_cast<unsigned char>(letters[i] - '!') >= kNumVisible;
  }
  return !bad;
}

}  // namespace

extern const LetterLoops letter_loops;
const LetterLoops letter_loops{&copy_bases, &are_visible};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
