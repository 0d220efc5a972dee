#include "core/stft.h"

#include <algorithm>
#include <complex>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "core/window.h"

namespace py = pybind11;

namespace edgewright {
namespace {

using Complex = std::complex<float>;

Stft make_stft(std::size_t n_fft, std::size_t hop_length, std::size_t win_length) {
  return Stft(n_fft, hop_length, make_window(Window::kHann, win_length, true));
}

// Position of bin 0 of frame `t`; bins are kLanes apart.
std::size_t position(std::size_t t, std::size_t num_bins) {
  return t / kLanes * num_bins * kLanes + t % kLanes;
}

Array<Complex> stft_array(const Array<float>& waveform, std::size_t n_fft, std::size_t hop_length,
                          std::size_t win_length) {
  const Stft stft = make_stft(n_fft, hop_length, win_length);
  const auto num_samples = static_cast<std::size_t>(waveform.size());
  if (num_samples <= stft.edge()) throw std::invalid_argument("waveform: got too few samples");
  const std::size_t frames = stft.num_frames(num_samples), bins = stft.fft().num_bins();
  Array<Complex> result({to_ssize(frames), to_ssize(bins)});
  const float* const input = waveform.data();
  Complex* const output = result.mutable_data();
  py::gil_scoped_release release;
  std::vector<float> padded(num_samples + 2 * stft.edge());
  std::copy_n(input, num_samples, padded.data() + stft.edge());
  fill_edges(padded.data(), padded.size(), stft.edge(), true);
  StftWorkspace workspace(stft.fft());
  const std::size_t size = stft.spectrum_size(frames);
  Spectrum spectrum{std::vector<float>(size), std::vector<float>(size)};
  stft.analyse(padded.data(), frames, workspace, spectrum);
  for (std::size_t t = 0; t < frames; ++t) {
    for (std::size_t k = 0; k < bins; ++k) {
      const std::size_t i = position(t, bins) + k * kLanes;
      output[t * bins + k] = Complex(spectrum.real[i], spectrum.imag[i]);
    }
  }
  return result;
}

Array<float> istft_array(const Array<Complex>& spectrum, std::size_t n_fft, std::size_t hop_length,
                         std::size_t win_length, std::size_t length) {
  const Stft stft = make_stft(n_fft, hop_length, win_length);
  const std::size_t bins = stft.fft().num_bins();
  if (spectrum.ndim() != 2 || spectrum.shape(1) != to_ssize(bins)) {
    throw std::invalid_argument("spectrum: got another shape, expected (frames, n_fft / 2 + 1)");
  }
  const auto frames = static_cast<std::size_t>(spectrum.shape(0));
  Array<float> waveform(to_ssize(length));
  const Complex* const input = spectrum.data();
  float* const output = waveform.mutable_data();
  py::gil_scoped_release release;
  const std::size_t size = stft.spectrum_size(frames);
  Spectrum blocks{std::vector<float>(size, 0.0f), std::vector<float>(size, 0.0f)};
  for (std::size_t t = 0; t < frames; ++t) {
    for (std::size_t k = 0; k < bins; ++k) {
      const std::size_t i = position(t, bins) + k * kLanes;
      blocks.real[i] = input[t * bins + k].real();
      blocks.imag[i] = input[t * bins + k].imag();
    }
  }
  StftWorkspace workspace(stft.fft());
  std::vector<float> padded(stft.padded_size(frames));
  stft.synthesise(blocks, frames, stft.inverse_envelope(frames), workspace, padded.data());
  const std::size_t end = padded.size() < stft.edge() ? 0 : padded.size() - stft.edge();
  const std::size_t count = std::min(length, end);
  if (count > 0) std::copy_n(padded.data() + stft.edge(), count, output);
  std::fill(output + count, output + length, 0.0f);
  return waveform;
}

}  // namespace

void bind_stft(py::module_& module) {
  module.def("stft", &stft_array, py::arg("waveform").noconvert(), py::arg("n_fft"),
             py::arg("hop_length"), py::arg("win_length"));
  module.def("istft", &istft_array, py::arg("spectrum").noconvert(), py::arg("n_fft"),
             py::arg("hop_length"), py::arg("win_length"), py::arg("length"));
}

}  // namespace edgewright
