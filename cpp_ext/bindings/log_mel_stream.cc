#include "core/log_mel_stream.h"

#include <memory>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

Array<float> make_features(const LogMelStream& stream, std::size_t frames) {
  return Array<float>({to_ssize(frames), to_ssize(stream.log_mel().num_mel_bins())});
}

Array<float> feed(LogMelStream& stream, const Array<float>& waveform) {
  if (waveform.ndim() != 1) {
    throw std::invalid_argument("waveform: got another shape, expected (samples,)");
  }
  const auto num_samples = static_cast<std::size_t>(waveform.size());
  Array<float> features = make_features(stream, stream.num_ready(num_samples));
  const float* const input = waveform.data();
  float* const output = features.mutable_data();
  py::gil_scoped_release release;
  stream.feed(input, num_samples, output);
  return features;
}

Array<float> finish(const LogMelStream& stream) {
  Array<float> features = make_features(stream, stream.num_last());
  float* const output = features.mutable_data();
  py::gil_scoped_release release;
  stream.finish(output);
  return features;
}

}  // namespace

void bind_log_mel_stream(py::module_& module) {
  py::class_<LogMelStream>(module, "LogMelStream")
      .def(py::init([](const std::shared_ptr<LogMel>& log_mel) { return LogMelStream(log_mel); }),
           py::arg("log_mel"))
      .def("feed", &feed, py::arg("waveform").noconvert())
      .def("finish", &finish)
      .def("reset", &LogMelStream::reset);
}

}  // namespace edgewright
