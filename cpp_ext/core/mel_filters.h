// Triangular filters on the mel scale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/simd/log_mel.h"

namespace edgewright {

enum class MelScale { kHtk, kSlaney };

struct MelOptions {
  double sample_rate = 16000.0;  // Hz
  std::size_t n_fft = 512;
  std::size_t num_mel_bins = 80;
  double low_frequency = 0.0;   // Hz, left foot of the first triangle
  double high_frequency = 0.0;  // Hz, right foot of the last one
  MelScale scale = MelScale::kHtk;
  bool triangles_in_mel = false;  // straight sides over mel (Kaldi) or over Hz (librosa)
  bool slaney_norm = false;       // divide by half the width in Hz: equal areas
};

// The filters, each with weights for a stretch of the bins. Their feet and tops are num_mel_bins +
// 2 points at equal distances in mel between the two frequencies. Scales:
//
//     HTK     mel(f) = 2595 log10(1 + f / 700)  (Kaldi writes 1127 ln, the same up to a factor)
//     Slaney  mel(f) = 3 f / 200 below 1000 Hz, 15 + 27 ln(f / 1000) / ln 6.4 above
//             (Slaney, Auditory Toolbox, 1998)
//
// A filter narrower than the distance of two bins may be empty, as in the libraries it follows.
class MelFilters {
 public:
  explicit MelFilters(const MelOptions& options);

  std::size_t size() const { return first_.size(); }
  FilterTable table() const {
    return {first_.size(), first_.data(), count_.data(), weights_.data()};
  }

 private:
  std::vector<std::uint32_t> first_, count_;
  std::vector<float> weights_;
};

}  // namespace edgewright
