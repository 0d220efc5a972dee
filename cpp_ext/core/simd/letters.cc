#include "core/simd/letters.h"

#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

// Lines of sequences have 60 to 150 letters, of which wider registers would leave too many over.
constexpr std::size_t kLetters = kVectorBytes < 32 ? kVectorBytes : 32;
typedef unsigned char Letters __attribute__((vector_size(kLetters)));

constexpr unsigned char kUpperMask = 0xdf;

// -1 where a letter in upper case is none of A, C, G, T, N.
inline __attribute__((always_inline)) Letters are_other(Letters upper) {
  const auto bases = (upper == 'A') | (upper == 'C') | (upper == 'G') | (upper == 'T');
  return reinterpret_cast<Letters>(~(bases | (upper == 'N')));
}

bool is_other(unsigned char upper) {
  return upper != 'A' && upper != 'C' && upper != 'G' && upper != 'T' && upper != 'N';
}

bool any(Letters flags) {
  std::uint64_t words[kLetters / sizeof(std::uint64_t)];
  __builtin_memcpy(words, &flags, sizeof words);
  std::uint64_t all = 0;
  for (const std::uint64_t word : words) all |= word;
  return all != 0;
}

bool copy_bases(const char* letters, std::size_t size, char* output) {
  Letters other = {};
  const auto copy = [&](std::size_t i) {
    const Letters upper = load<Letters>(letters + i) & kUpperMask;
    other |= are_other(upper);
    store(output + i, upper);
  };
  if (size >= kLetters) {
    for (std::size_t i = 0; i + kLetters < size; i += kLetters) copy(i);
    copy(size - kLetters);
    return !any(other);
  }
  bool bad = false;
  for (std::size_t i = 0; i < size; ++i) {
    const auto upper = static_cast<unsigned char>(letters[i] & kUpperMask);
    bad |= is_other(upper);
    output[i] = static_cast<char>(upper);
  }
  return !bad;
}

bool are_visible(const char* letters, std::size_t size) {
  constexpr unsigned char kNumVisible = '~' - '!' + 1;
  if (size >= kLetters) {
    Letters other = {};
    const auto look = [&](std::size_t i) {
      const Letters above = load<Letters>(letters + i) - static_cast<unsigned char>('!');
      other |= reinterpret_cast<Letters>(above >= kNumVisible);
    };
    for (std::size_t i = 0; i + kLetters < size; i += kLetters) look(i);
    look(size - kLetters);
    return !any(other);
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
