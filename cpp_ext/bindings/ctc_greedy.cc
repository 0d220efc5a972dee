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
  return to_columns(with_logits(logits, blank_id, [&](const auto&... frames) {
    return ctc_greedy_decode(frames..., blank_id);
  }));
}

void feed_greedy(CtcGreedyStream& stream, const Array<float>& logits) {
  with_logits(logits, stream.blank_id(), [&](const auto&... frames) { stream.feed(frames...); });
}

}  // namespace

void bind_ctc_greedy(py::module_& module) {
  module.def("ctc_greedy_decode", &ctc_greedy_decode_array, py::arg("logits").noconvert(),
             py::arg("blank_id"));
  py::class_<CtcGreedyStream>(module, "CtcGreedyStream")
      .def(py::init<std::size_t>(), py::arg("blank_id"))
      .def("feed", &feed_greedy, py::arg("logits").noconvert())
      .def("best", [](const CtcGreedyStream& stream) { return to_columns(stream.best()); })
      .def("reset", &CtcGreedyStream::reset);
}

}  // namespace edgewright
