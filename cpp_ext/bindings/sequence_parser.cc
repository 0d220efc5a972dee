#include "core/sequence_parser.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

// The parser and what its pieces become: tuples of the type `record`, a subclass without fields of
// its own, whose name is text. A name that is not all visible ASCII is left to `decode_name`.
class RecordParser {
 public:
  RecordParser(py::type record, py::object decode_name)
      : record_(std::move(record)), decode_name_(std::move(decode_name)) {
    auto* const tuple_type = reinterpret_cast<PyObject*>(&PyTuple_Type);
    if (PyObject_IsSubclass(record_.ptr(), tuple_type) != 1) {
      throw std::invalid_argument("record: got a type that is no tuple");
    }
  }

  py::list feed(const py::bytes& data) {
    const std::string_view bytes = data;
    std::vector<SequencePiece> pieces;
    {
      py::gil_scoped_release release;
      pieces = parser_.feed(bytes.data(), bytes.size());
    }
    return to_list(pieces);
  }

  py::list finish() { return to_list(parser_.finish()); }

 private:
  py::list to_list(const std::vector<SequencePiece>& pieces) const {
    py::list result(pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      PyList_SET_ITEM(result.ptr(), static_cast<py::ssize_t>(i),
                      to_record(pieces[i]).release().ptr());
    }
    return result;
  }

  py::object to_record(const SequencePiece& piece) const {
    auto* const type = reinterpret_cast<PyTypeObject*>(record_.ptr());
    py::object record = py::reinterpret_steal<py::object>(type->tp_alloc(type, 4));
    if (!record) throw py::error_already_set();
    PyObject* const tuple = record.ptr();
    PyTuple_SET_ITEM(tuple, 0, to_name(piece.name).release().ptr());
    PyTuple_SET_ITEM(tuple, 1, py::int_(piece.start).release().ptr());
    const py::bytes sequence(piece.sequence.data(), piece.sequence.size());
    PyTuple_SET_ITEM(tuple, 2, py::object(sequence).release().ptr());
    PyTuple_SET_ITEM(tuple, 3, py::bool_(piece.last).release().ptr());
    // Nothing in it can refer back to it, so the garbage collector need not look at it.
    PyObject_GC_UnTrack(tuple);
    return record;
  }

  py::object to_name(const std::string& name) const {
    const auto is_visible = [](char letter) { return letter >= '!' && letter <= '~'; };
    if (std::all_of(name.begin(), name.end(), is_visible)) return py::str(name);
    return decode_name_(py::bytes(name));
  }

  SequenceParser parser_;
  py::type record_;
  py::object decode_name_;
};

}  // namespace

void bind_sequence_parser(py::module_& module) {
  py::class_<RecordParser>(module, "SequenceParser")
      .def(py::init<py::type, py::object>(), py::arg("record"), py::arg("decode_name"))
      .def("feed", &RecordParser::feed, py::arg("data"))
      .def("finish", &RecordParser::finish);
}

}  // namespace edgewright
