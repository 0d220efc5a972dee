// Windows of short-time spectra.
#pragma once

#include <cstddef>
#include <vector>

namespace edgewright {

enum class Window { kPovey, kHann, kHamming };

// Returns w[n] for n in [0, length), with c = cos(2 pi n / D), D = length - 1, or D = length where
// `periodic` (one period of a longer, evenly repeated window, as librosa and torch.stft use it):
//
//     Hann (1 - c) / 2,   Hamming 0.54 - 0.46 c,   Povey ((1 - c) / 2) ^ 0.85 (Kaldi)
std::vector<double> make_window(Window window, std::size_t length, bool periodic);

}  // namespace edgewright
