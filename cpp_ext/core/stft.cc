#include "core/stft.h"

#include <algorithm>
#include <stdexcept>

#include "core/simd/frames.h"
#include "core/simd/stft.h"

namespace edgewright {
StftWorkspace::StftWorkspace(const RealFft& transform)
    : rows(round_up(transform.size()) * kLanes),
      frames(transform.size() * kLanes),
      fft(transform) {}

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
  return round_up(frames) / kLanes * block_size();
}

std::size_t Stft::padded_size(std::size_t frames) const {
  return frames == 0 ? 0 : fft_.size() + (frames - 1) * hop_length_;
}

std::vector<float> Stft::inverse_envelope(std::size_t frames) const {
  std::vector<float> envelope(padded_size(frames), 0.0f), squares(window_);
  for (float& value : squares) value *= value;
  for (std::size_t t = 0; t < frames; ++t) {
    frame_loops().add(squares.data(), squares.size(), envelope.data() + t * hop_length_);
  }
  for (float& value : envelope) value = value < 1e-11f ? 0.0f : 1.0f / value;
  return envelope;
}

void Stft::analyse_block(const float* padded, std::size_t count, StftWorkspace& workspace,
                         float* block) const {
  const float* frames[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) {
    frames[l] = padded + std::min(l, count - 1) * hop_length_;
  }
  float* const rows = workspace.rows.data();
  frame_loops().gather(frames, fft_.size(), rows);
  stft_loops().split(rows, window_.data(), fft_.size(), workspace.fft.signal());
  fft_.forward(workspace.fft, block);
}

void Stft::synthesise_block(const float* block, std::size_t count, StftWorkspace& workspace,
                            float* padded) const {
  const std::size_t size = fft_.size();
  float* frames[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) frames[l] = workspace.frames.data() + l * size;
  fft_.inverse(block, workspace.fft);
  float* const rows = workspace.rows.data();
  stft_loops().join(workspace.fft.signal(), fft_.order(), window_.data(), size, rows);
  frame_loops().scatter(rows, size, count, frames);
  for (std::size_t l = 0; l < count; ++l) {
    frame_loops().add(frames[l], size, padded + l * hop_length_);
  }
}

void Stft::analyse(const float* padded, std::size_t frames, StftWorkspace& workspace,
                   float* spectrum) const {
  for (std::size_t first = 0; first < frames; first += kLanes, spectrum += block_size()) {
    const std::size_t count = std::min(kLanes, frames - first);
    analyse_block(padded + first * hop_length_, count, workspace, spectrum);
  }
}

void Stft::synthesise(const float* spectrum, std::size_t frames,
                      const std::vector<float>& inverse_envelope, StftWorkspace& workspace,
                      float* padded) const {
  const std::size_t length = padded_size(frames);
  std::fill_n(padded, length, 0.0f);
  for (std::size_t first = 0; first < frames; first += kLanes, spectrum += block_size()) {
    const std::size_t count = std::min(kLanes, frames - first);
    synthesise_block(spectrum, count, workspace, padded + first * hop_length_);
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
