// The loops of log-mel features over rows of kLanes frames.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/lanes.h"
#include "core/simd/dispatch.h"

namespace edgewright {

// Filters one after another: filter m weighs `count[m]` bins from `first[m]` on.
struct FilterTable {
  std::size_t size;
  const std::uint32_t* first;
  const std::uint32_t* count;
  const float* weights;
};

// Where the windowed samples go: rows `offset`, ... of a signal of 2 * `plane_rows` samples.
struct WindowTable {
  const float* weights;
  std::size_t size;
  std::size_t offset;
  std::size_t plane_rows;
};

struct LogMelLoops {
  // Brings the frames under the window: minus their mean where asked, x[i] - c x[i - 1] with
  // x[-1] = x[0], times the weights, and zeros around them. Reads frames up to the next multiple of
  // kLanes samples.
  void (*load)(const float* const* frames, const WindowTable& window, bool remove_mean,
               float preemphasis, Planes signal);
  void (*square_root)(float* rows, std::size_t size);
  // Writes the filters' sums, one row each.
  void (*filter)(const float* spectrum, const FilterTable& filters, float* sums);
  // For the statistics of `size` bins over frames, in double: adds a frame, or its squared
  // distances from `means`, to `sums`; and replaces it by (value - mean) * scale.
  void (*add)(const float* frame, std::size_t size, double* sums);
  void (*add_squares)(const float* frame, const double* means, std::size_t size, double* sums);
  void (*standardize)(float* frame, const double* means, const double* scales, std::size_t size);
  // Replaces each value by ln(max(value + added, least)); `least` is above 0.
  void (*logarithm)(float* rows, std::size_t size, float added, float least);
};

EDGEWRIGHT_DISPATCH(LogMelLoops, log_mel_loops)

}  // namespace edgewright
