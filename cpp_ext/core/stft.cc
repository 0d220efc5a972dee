#include "core/stft.h"

#include <algorithm>
#include <stdexcept>

namespace edgewright {

Stft::Stft(std::size_t n_fft, std::size_t hop_length, const std::vector<double>& window)
    : fft_(n_fft), hop_length_(hop_length), window_(n_fft, 0.0f) {
  if (window.size() > n_fft || hop_length < 1) {
    throw std::invalid_argument("win_length, hop_length: got a window above n_fft, or no hop");
  }
  const std::size_t offset = (n_fft - window.size()) / 2;
  for (std::size_t n = 0; n < window.size(); ++n) {
    window_[offset + n] = static_cast<float>(window[n]);
  }
}

std::size_t Stft::spectrum_size(std::size_t frames) const {
  return (frames + kLanes - 1) / kLanes * kLanes * fft_.num_bins();
}

std::size_t Stft::padded_size(std::size_t frames) const {
  return frames == 0 ? 0 : fft_.size() + (frames - 1) * hop_length_;
}

std::vector<float> Stft::inverse_envelope(std::size_t frames) const {
  std::vector<float> envelope(padded_size(frames), 0.0f);
  for (std::size_t t = 0; t < frames; ++t) {
    for (std::size_t n = 0; n < window_.size(); ++n) {
      envelope[t * hop_length_ + n] += window_[n] * window_[n];
    }
  }
  for (float& value : envelope) value = value < 1e-11f ? 0.0f : 1.0f / value;
  return envelope;
}

void Stft::analyse(const float* padded, std::size_t frames, StftWorkspace& workspace,
                   Spectrum& spectrum) const {
  const std::size_t size = fft_.size(), plane = fft_.num_bins() * kLanes;
  for (std::size_t first = 0; first < frames; first += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const bool used = first + l < frames;
      const float* const frame = padded + (used ? first + l : 0) * hop_length_;
      for (std::size_t n = 0; n < size; ++n) {
        workspace.block[n * kLanes + l] = used ? frame[n] * window_[n] : 0.0f;
      }
    }
    const std::size_t offset = first / kLanes * plane;
    fft_.forward(workspace.block.data(), spectrum.real.data() + offset,
                 spectrum.imag.data() + offset, workspace.work.data());
  }
}

void Stft::synthesise(const Spectrum& spectrum, std::size_t frames,
                      const std::vector<float>& inverse_envelope, StftWorkspace& workspace,
                      float* padded) const {
  const std::size_t size = fft_.size(), plane = fft_.num_bins() * kLanes;
  const std::size_t length = padded_size(frames);
  std::fill_n(padded, length, 0.0f);
  for (std::size_t first = 0; first < frames; first += kLanes) {
    const std::size_t offset = first / kLanes * plane, count = std::min(kLanes, frames - first);
    fft_.inverse(spectrum.real.data() + offset, spectrum.imag.data() + offset,
                 workspace.block.data(), workspace.work.data());
    for (std::size_t l = 0; l < count; ++l) {
      float* const frame = padded + (first + l) * hop_length_;
      for (std::size_t n = 0; n < size; ++n) {
        frame[n] += workspace.block[n * kLanes + l] * window_[n];
      }
    }
  }
  for (std::size_t n = 0; n < length; ++n) padded[n] *= inverse_envelope[n];
}

void fill_edges(float* padded, std::size_t size, std::size_t edge, bool reflect) {
  if (!reflect) {
    std::fill_n(padded, edge, 0.0f);
    std::fill_n(padded + (size - edge), edge, 0.0f);
    return;
  }
  for (std::size_t i = 0; i < edge; ++i) {
    padded[edge - 1 - i] = padded[edge + 1 + i];
    padded[size - edge + i] = padded[size - edge - 2 - i];
  }
}

}  // namespace edgewright
