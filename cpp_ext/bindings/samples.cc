#include "core/simd/samples.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

float largest_magnitude(const Array<float>& values) {
  const float* const data = values.data();
  const auto size = static_cast<std::size_t>(values.size());
  py::gil_scoped_release release;
  return sample_loops().largest_magnitude(data, size);
}

}  // namespace

void bind_samples(py::module_& module) {
  module.def("largest_magnitude", &largest_magnitude, py::arg("values").noconvert());
}

}  // namespace edgewright
