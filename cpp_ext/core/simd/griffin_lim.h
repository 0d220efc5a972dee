// The loops of magnitudes and phases over rows of kLanes frames.
#pragma once

#include <cstddef>

#include "core/lanes.h"
#include "core/simd/dispatch.h"
#include "core/simd/log_mel.h"

namespace edgewright {

struct GriffinLimLoops {
  // Replaces each log-mel value by max(exp(value) - added, 0).
  void (*exponential)(float* rows, std::size_t size, float added);
  // Writes, for each of `bins` rows, the sum of the filters' weights times their rows, times the
  // bin's factor.
  void (*project)(const float* mel, const FilterTable& filters, const float* factors,
                  std::size_t bins, float* spectrum);
  // Replaces `values` by wanted / values, where 0 / 0 is 0.
  void (*divide)(const float* wanted, std::size_t size, float* values);
  void (*multiply)(const float* factors, std::size_t size, float* values);
  // Gives t_n - b t_{n-1} the magnitudes wanted, into `previous`. Spectra are (bins, 2, kLanes).
  void (*accelerate)(const float* magnitudes, std::size_t bins, float b, const float* now,
                     float* previous);
};

EDGEWRIGHT_DISPATCH(GriffinLimLoops, griffin_lim_loops)

}  // namespace edgewright
