#include "core/sequence_parser.h"

#include <string_view>

#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

py::list to_list(const std::vector<SequencePiece>& pieces) {
  py::list result;
  for (const SequencePiece& piece : pieces) {
    result.append(
        py::make_tuple(py::bytes(piece.name), piece.start, py::bytes(piece.sequence), piece.last));
  }
  return result;
}

py::list feed(SequenceParser& parser, const py::bytes& data) {
  const std::string_view bytes = data;
  std::vector<SequencePiece> pieces;
  {
    py::gil_scoped_release release;
    pieces = parser.feed(bytes.data(), bytes.size());
  }
  return to_list(pieces);
}

py::list finish(SequenceParser& parser) { return to_list(parser.finish()); }

}  // namespace

void bind_sequence_parser(py::module_& module) {
  py::class_<SequenceParser>(module, "SequenceParser")
      .def(py::init<>())
      .def("feed", &feed, py::arg("data"))
      .def("finish", &finish);
}

}  // namespace edgewright
