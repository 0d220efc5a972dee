// The loops of reading letters.
#pragma once

#include <cstddef>

#include "core/simd/dispatch.h"

namespace edgewright {

struct LetterLoops {
  // Writes the letters in front of the first one that is none of A, C, G, T and N, in upper case,
  // and returns how many they are; what stands behind them in `output`, up to `size`, is lost.
  std::size_t (*copy_bases)(const char* letters, std::size_t size, char* output);
  // Returns whether all letters are visible ASCII, '!' to '~'.
  bool (*are_visible)(const char* letters, std::size_t size);
};

EDGEWRIGHT_DISPATCH(LetterLoops, letter_loops)

}  // namespace edgewright
