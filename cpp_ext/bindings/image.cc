#include "core/image.h"

#include <pybind11/stl.h>

#include <stdexcept>
#include <tuple>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

using Size = std::tuple<int, int>;  // height, width

Array<float> transform(const Array<std::uint8_t>& image, const Size& resized, const Size& corner,
                       const Size& size, bool cubic, double scale, const std::array<float, 3>& mean,
                       const std::array<float, 3>& std) {
  if (image.ndim() != 3 || image.shape(2) != 3) {
    throw std::invalid_argument("image: got another shape, expected (height, width, 3)");
  }
  const ImageView view{image.data(), static_cast<int>(image.shape(0)),
                       static_cast<int>(image.shape(1))};
  const auto [height, width] = size;
  const ImageGeometry geometry{std::get<0>(resized),
                               std::get<1>(resized),
                               std::get<0>(corner),
                               std::get<1>(corner),
                               height,
                               width};
  const Filter filter = cubic ? Filter::kBicubic : Filter::kBilinear;
  Array<float> output(std::array<py::ssize_t, 3>{3, height, width});
  float* const values = output.mutable_data();
  py::gil_scoped_release release;
  transform_image(view, geometry, filter, {scale, mean, std}, values);
  return output;
}

}  // namespace

void bind_image(py::module_& module) {
  module.def("transform_image", &transform, py::arg("image").noconvert(), py::arg("resized"),
             py::arg("corner"), py::arg("size"), py::arg("cubic"), py::arg("scale"),
             py::arg("mean"), py::arg("std"));
}

}  // namespace edgewright
