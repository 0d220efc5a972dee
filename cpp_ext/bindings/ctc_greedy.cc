#include "core/ctc_greedy.h"

#include "bindings/bindings.h"
#include "bindings/ctc_tokens.h"

namespace py = pybind11;

namespace edgewright {
namespace {

// Columns of token ids, starts, ends and confidences: four objects, however many tokens.
py::tuple to_columns(const std::vector<CtcToken>& tokens) {
  const py::ssize_t size = to_ssize(tokens.size());
  Array<std::int32_t> token_ids(size);
  Array<std::int64_t> starts(size), ends(size);
  Array<float> confidences(size);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    token_ids.mutable_data()[i] = tokens[i].token_id;
    starts.mutable_data()[i] = tokens[i].start;
    ends.mutable_data()[i] = tokens[i].end;
    confidences.mutable_data()[i] = tokens[i].confidence;
  }
  return py::make_tuple(token_ids, starts, ends, confidences);
}

py::tuple ctc_greedy_decode_array(const Array<float>& logits, std::size_t blank_id) {
  check_logits(logits, blank_id);
  const auto frames = static_cast<std::size_t>(logits.shape(0));
  const auto vocabulary = static_cast<std::size_t>(logits.shape(1));
  const float* const input = logits.data();
  std::vector<CtcToken> tokens;
  {
    py::gil_scoped_release release;
    tokens = ctc_greedy_decode(input, frames, vocabulary, blank_id);
  }
  return to_columns(tokens);
}

}  // namespace

void bind_ctc_greedy(py::module_& module) {
  module.def("ctc_greedy_decode", &ctc_greedy_decode_array, py::arg("logits").noconvert(),
             py::arg("blank_id"));
}

}  // namespace edgewright
