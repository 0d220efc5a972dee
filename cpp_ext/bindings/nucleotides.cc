#include "core/nucleotides.h"

#include <string_view>

#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

py::bytes reverse_complement_bytes(const py::bytes& sequence) {
  const std::string_view letters = sequence;
  std::string output(letters.size(), '\0');
  {
    py::gil_scoped_release release;
    reverse_complement(letters.data(), letters.size(), output.data());
  }
  return output;
}

}  // namespace

void bind_nucleotides(py::module_& module) {
  module.def("reverse_complement", &reverse_complement_bytes, py::arg("sequence"));
}

}  // namespace edgewright
