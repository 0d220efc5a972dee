#include "core/length_regulator.h"

#include <stdexcept>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

Array<float> regulate_length_array(const Array<float>& hidden, const Array<std::int64_t>& durations,
                                   std::size_t limit) {
  if (hidden.ndim() != 2 || durations.ndim() != 1 || hidden.shape(0) != durations.shape(0)) {
    throw std::invalid_argument("durations: got another shape, expected one for each hidden row");
  }
  const auto count = static_cast<std::size_t>(hidden.shape(0));
  const auto dim = static_cast<std::size_t>(hidden.shape(1));
  const std::size_t total = total_duration(durations.data(), count, limit);
  Array<float> expanded({to_ssize(total), to_ssize(dim)});
  const float* const input = hidden.data();
  const std::int64_t* const repeats = durations.data();
  float* const output = expanded.mutable_data();
  py::gil_scoped_release release;
  regulate_length(input, count, dim, repeats, output);
  return expanded;
}

}  // namespace

void bind_length_regulator(py::module_& module) {
  module.def("regulate_length", &regulate_length_array, py::arg("hidden").noconvert(),
             py::arg("durations").noconvert(), py::arg("limit"));
}

}  // namespace edgewright
