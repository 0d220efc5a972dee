#include "core/stft.h"

#include <algorithm>
#include <complex>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "core/simd/frames.h"
#include "core/window.h"

namespace py = pybind11;

namespace edgewright {
namespace {

using Complex = std::complex<float>;

Stft make_stft(std::size_t n_fft, std::size_t hop_length, std::size_t win_length) {
  return Stft(n_fft, hop_length, make_window(Window::kHann, win_length, true));
}

// Rows of complex numbers as frames of floats that may be read to the next multiple of kLanes: rows
// whose reach goes behind the end are copied, with room behind them.
class SpectrumRows {
 public:
  SpectrumRows(const Complex* rows, std::size_t frames, std::size_t bins)
      : rows_(reinterpret_cast<const float*>(rows)), frames_(frames), size_(2 * bins) {
    const std::size_t reach = round_up(size_), end = frames * size_;
    safe_ = end < reach ? 0 : (end - reach) / size_ + 1;
    tail_.assign(rows_ + safe_ * size_, rows_ + end);
    tail_.resize(tail_.size() + kLanes, 0.0f);
  }

  // Brings kLanes rows from `first` on into a block; lanes behind the last row repeat it.
  void load(std::size_t first, float* block) const {
    const float* lanes[kLanes];
    for (std::size_t l = 0; l < kLanes; ++l) {
      const std::size_t row = std::min(first + l, frames_ - 1);
      lanes[l] = row < safe_ ? rows_ + row * size_ : tail_.data() + (row - safe_) * size_;
    }
    frame_loops().gather(lanes, size_, block);
  }

 private:
  const float* rows_;
  std::size_t frames_, size_;
  std::size_t safe_;  // rows that are read where they are
  std::vector<float> tail_;
};

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
  const std::size_t size = num_samples + 2 * stft.edge();
  std::vector<float> padded(size + kLanes, 0.0f);
  std::copy_n(input, num_samples, padded.data() + stft.edge());
  fill_edges(padded.data(), size, stft.edge(), true);
  StftWorkspace workspace(stft.fft());
  LaneBuffer block(stft.block_size());
  for (std::size_t first = 0; first < frames; first += kLanes) {
    const std::size_t count = std::min(kLanes, frames - first);
    stft.analyse_block(padded.data() + first * hop_length, count, workspace, block.data());
    float* rows[kLanes];
    for (std::size_t l = 0; l < count; ++l) {
      rows[l] = reinterpret_cast<float*>(output + (first + l) * bins);
    }
    frame_loops().scatter(block.data(), 2 * bins, count, rows);
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
  StftWorkspace workspace(stft.fft());
  const SpectrumRows rows(input, frames, bins);
  LaneBuffer block(round_up(2 * bins) * kLanes);
  std::vector<float> padded(stft.padded_size(frames), 0.0f);
  for (std::size_t first = 0; first < frames; first += kLanes) {
    const std::size_t count = std::min(kLanes, frames - first);
    rows.load(first, block.data());
    stft.synthesise_block(block.data(), count, workspace, padded.data() + first * hop_length);
  }
  const std::vector<float> envelope = stft.inverse_envelope(frames);
  const std::size_t end = padded.size() < stft.edge() ? 0 : padded.size() - stft.edge();
  const std::size_t count = std::min(length, end);
  for (std::size_t n = 0; n < count; ++n) {
    output[n] = padded[stft.edge() + n] * envelope[stft.edge() + n];
  }
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
