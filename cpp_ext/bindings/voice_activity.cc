#include "core/voice_activity.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

VoiceActivity make_voice_activity(double sample_rate, std::size_t frame_samples,
                                  double high_pass_frequency, double speech_margin_db,
                                  double silence_margin_db, double least_level_db,
                                  std::size_t attack_frames, std::size_t hangover_frames,
                                  std::size_t noise_frames) {
  VoiceActivityOptions options;
  options.sample_rate = sample_rate;
  options.frame_samples = frame_samples;
  options.high_pass_frequency = high_pass_frequency;
  options.speech_margin_db = speech_margin_db;
  options.silence_margin_db = silence_margin_db;
  options.least_level_db = least_level_db;
  options.attack_frames = attack_frames;
  options.hangover_frames = hangover_frames;
  options.noise_frames = noise_frames;
  return VoiceActivity(options);
}

Array<bool> feed(VoiceActivity& self, const Array<float>& waveform) {
  if (waveform.ndim() != 1) {
    throw std::invalid_argument("waveform: got another shape, expected (samples,)");
  }
  const auto num_samples = static_cast<std::size_t>(waveform.size());
  Array<bool> speech(to_ssize(self.num_ready(num_samples)));
  const float* const input = waveform.data();
  bool* const output = speech.mutable_data();
  py::gil_scoped_release release;
  self.feed(input, num_samples, output);
  return speech;
}

}  // namespace

void bind_voice_activity(py::module_& module) {
  py::class_<VoiceActivity>(module, "VoiceActivity")
      .def(py::init(&make_voice_activity), py::kw_only(), py::arg("sample_rate"),
           py::arg("frame_samples"), py::arg("high_pass_frequency"), py::arg("speech_margin_db"),
           py::arg("silence_margin_db"), py::arg("least_level_db"), py::arg("attack_frames"),
           py::arg("hangover_frames"), py::arg("noise_frames"))
      .def("feed", &feed, py::arg("waveform").noconvert())
      .def("reset", &VoiceActivity::reset);
}

}  // namespace edgewright
