#include "core/log_mel.h"

#include <memory>
#include <string>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/log_mel_options.h"

namespace py = pybind11;

namespace edgewright {
namespace {

Window to_window(const std::string& name) {
  return name == "povey" ? Window::kPovey : name == "hann" ? Window::kHann : Window::kHamming;
}

Padding to_padding(const std::string& name) {
  return name == "none" ? Padding::kNone : name == "zeros" ? Padding::kZeros : Padding::kReflect;
}

MelOptions to_mel_options(const py::dict& fields) {
  MelOptions mel;
  mel.sample_rate = fields["sample_rate"].cast<double>();
  mel.n_fft = fields["n_fft"].cast<std::size_t>();
  mel.num_mel_bins = fields["num_mel_bins"].cast<std::size_t>();
  mel.low_frequency = fields["low_frequency"].cast<double>();
  mel.high_frequency = fields["high_frequency"].cast<double>();
  const bool htk = fields["mel_scale"].cast<std::string>() == "htk";
  mel.scale = htk ? MelScale::kHtk : MelScale::kSlaney;
  mel.triangles_in_mel = fields["triangles"].cast<std::string>() == "mel";
  mel.slaney_norm = fields["mel_norm"].cast<std::string>() == "slaney";
  return mel;
}

Array<float> compute(const LogMel& self, const Array<float>& waveform) {
  if (waveform.ndim() != 1) {
    throw std::invalid_argument("waveform: got another shape, expected (samples,)");
  }
  const auto num_samples = static_cast<std::size_t>(waveform.size());
  Array<float> features({to_ssize(self.num_frames(num_samples)), to_ssize(self.num_mel_bins())});
  const float* const input = waveform.data();
  float* const output = features.mutable_data();
  py::gil_scoped_release release;
  self.compute(input, num_samples, output);
  return features;
}

}  // namespace

LogMelOptions to_log_mel_options(const py::dict& fields) {
  LogMelOptions options;
  options.mel = to_mel_options(fields);
  options.win_length = fields["win_length"].cast<std::size_t>();
  options.hop_length = fields["hop_length"].cast<std::size_t>();
  options.window = to_window(fields["window"].cast<std::string>());
  options.periodic = fields["periodic"].cast<bool>();
  options.padding = to_padding(fields["padding"].cast<std::string>());
  options.preemphasis = fields["preemphasis"].cast<float>();
  options.preemphasis_in_frame = fields["preemphasis_scope"].cast<std::string>() == "frame";
  options.remove_dc = fields["remove_dc"].cast<bool>();
  options.squared = fields["power"].cast<double>() == 2.0;
  options.input_scale = fields["input_scale"].cast<float>();
  options.floor = fields["floor"].cast<float>();
  options.floor_is_added = fields["floor_mode"].cast<std::string>() == "add";
  options.normalize = fields["normalization"].cast<std::string>() == "per_feature";
  return options;
}

void bind_log_mel(py::module_& module) {
  py::class_<LogMel, std::shared_ptr<LogMel>>(module, "LogMel")
      .def(py::init([](const py::dict& options) {
             return std::make_shared<LogMel>(to_log_mel_options(options));
           }),
           py::arg("options"))
      .def("num_frames", &LogMel::num_frames, py::arg("num_samples"))
      .def("__call__", &compute, py::arg("waveform").noconvert());
}

}  // namespace edgewright
