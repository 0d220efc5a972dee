// The loops of reading letters.
#pragma once

#include <cstddef>

#include "core/simd/dispatch.h"

namespace edgewright {

struct LetterLoops {
  // Writes `size` letters in upper case and returns whether all are A, C, G, T or N; where not,
  // what was written is meaningless.
  bool (*copy_bases)(const char* letters, std::size_t size, char* output);
  // Returns whether all letters are visible ASCII, '!' to '~'.
  bool (*are_visible)(const char* letters, std::size_t size);
};

EDGEWRIGHT_DISPATCH(LetterLoops, letter_loops)

}  // namespace edgewright
