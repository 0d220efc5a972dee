#include "core/softmax.h"

#include <stdexcept>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

void check(const Array<float>& logits) {
  if (logits.ndim() != 2 || logits.shape(1) < 1) {
    throw std::invalid_argument("logits: got another shape, expected (rows, classes)");
  }
}

Array<float> softmax_array(const Array<float>& logits) {
  check(logits);
  Array<float> probabilities({logits.shape(0), logits.shape(1)});
  const auto rows = static_cast<std::size_t>(logits.shape(0));
  const auto classes = static_cast<std::size_t>(logits.shape(1));
  const float* const input = logits.data();
  float* const output = probabilities.mutable_data();
  py::gil_scoped_release release;
  softmax(input, rows, classes, output);
  return probabilities;
}

py::tuple softmax_top_k_arrays(const Array<float>& logits, py::ssize_t k) {
  check(logits);
  if (k < 1 || k > logits.shape(1)) {
    throw std::invalid_argument("k: got a value outside 1 to the number of classes");
  }
  Array<std::int64_t> indices({logits.shape(0), k});
  Array<float> probabilities({logits.shape(0), k});
  {
    const auto rows = static_cast<std::size_t>(logits.shape(0));
    const auto classes = static_cast<std::size_t>(logits.shape(1));
    const float* const input = logits.data();
    std::int64_t* const index_output = indices.mutable_data();
    float* const probability_output = probabilities.mutable_data();
    py::gil_scoped_release release;
    softmax_top_k(input, rows, classes, static_cast<std::size_t>(k), index_output,
                  probability_output);
  }
  return py::make_tuple(indices, probabilities);
}

}  // namespace

void bind_softmax(py::module_& module) {
  module.def("softmax", &softmax_array, py::arg("logits").noconvert());
  module.def("softmax_top_k", &softmax_top_k_arrays, py::arg("logits").noconvert(), py::arg("k"));
}

}  // namespace edgewright
