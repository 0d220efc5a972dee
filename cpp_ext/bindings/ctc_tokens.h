// Decoded tokens as the fronts take them.
#pragma once

#include <pybind11/pybind11.h>

#include <stdexcept>
#include <vector>

#include "bindings/arrays.h"
#include "core/ctc_greedy.h"

namespace edgewright {

// A list of (token id, start, end, confidence).
inline pybind11::list to_list(const std::vector<CtcToken>& tokens) {
  pybind11::list result;
  for (const CtcToken& token : tokens) {
    result.append(pybind11::make_tuple(token.token_id, token.start, token.end, token.confidence));
  }
  return result;
}

inline void check_logits(const Array<float>& logits, std::size_t blank_id) {
  if (logits.ndim() != 2 || logits.shape(1) < 1) {
    throw std::invalid_argument("logits: got another shape, expected (frames, vocabulary)");
  }
  if (blank_id >= static_cast<std::size_t>(logits.shape(1))) {
    throw std::invalid_argument("blank_id: got a token outside the vocabulary");
  }
}

}  // namespace edgewright
