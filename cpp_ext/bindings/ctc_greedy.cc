#include "core/ctc_greedy.h"

#include "bindings/bindings.h"
#include "bindings/ctc_tokens.h"

namespace py = pybind11;

namespace edgewright {
namespace {

py::list ctc_greedy_decode_array(const Array<float>& logits, std::size_t blank_id) {
  check_logits(logits, blank_id);
  const auto frames = static_cast<std::size_t>(logits.shape(0));
  const auto vocabulary = static_cast<std::size_t>(logits.shape(1));
  const float* const input = logits.data();
  std::vector<CtcToken> tokens;
  {
    py::gil_scoped_release release;
    tokens = ctc_greedy_decode(input, frames, vocabulary, blank_id);
  }
  return to_list(tokens);
}

}  // namespace

void bind_ctc_greedy(py::module_& module) {
  module.def("ctc_greedy_decode", &ctc_greedy_decode_array, py::arg("logits").noconvert(),
             py::arg("blank_id"));
}

}  // namespace edgewright
