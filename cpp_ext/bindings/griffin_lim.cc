#include "core/griffin_lim.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/log_mel_options.h"

namespace py = pybind11;

namespace edgewright {
namespace {

Array<float> compute(const GriffinLim& self, const Array<float>& mel) {
  if (mel.ndim() != 2 || mel.shape(1) != to_ssize(self.num_mel_bins())) {
    throw std::invalid_argument("mel: got another shape, expected (frames, num_mel_bins)");
  }
  const auto frames = static_cast<std::size_t>(mel.shape(0));
  Array<float> waveform(to_ssize(self.num_samples(frames)));
  const float* const input = mel.data();
  float* const output = waveform.mutable_data();
  py::gil_scoped_release release;
  self.compute(input, frames, output);
  return waveform;
}

}  // namespace

void bind_griffin_lim(py::module_& module) {
  py::class_<GriffinLim>(module, "GriffinLim")
      .def(py::init([](const py::dict& options, std::size_t iterations, float momentum) {
             return GriffinLim(to_log_mel_options(options), iterations, momentum);
           }),
           py::arg("options"), py::arg("iterations"), py::arg("momentum"))
      .def("__call__", &compute, py::arg("mel").noconvert());
}

}  // namespace edgewright
