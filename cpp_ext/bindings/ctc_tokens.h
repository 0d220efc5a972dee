// What the decoders take from the fronts and give them.
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

template <typename Call>
auto without_lock(Call call) {
  pybind11::gil_scoped_release release;
  return call();
}

// `call(logits, number of frames, vocabulary)` without the interpreter's lock.
template <typename Call>
auto with_logits(const Array<float>& logits, std::size_t blank_id, Call call) {
  check_logits(logits, blank_id);
  const auto frames = static_cast<std::size_t>(logits.shape(0));
  const auto vocabulary = static_cast<std::size_t>(logits.shape(1));
  const float* const input = logits.data();
  return without_lock([&] { return call(input, frames, vocabulary); });
}

// One of a beam search.
template <typename Stream>
void feed(Stream& stream, const Array<float>& logits) {
  with_logits(logits, stream.search().options().blank_id,
              [&](const auto&... frames) { stream.feed(LogProbs(frames...)); });
}

}  // namespace edgewright
