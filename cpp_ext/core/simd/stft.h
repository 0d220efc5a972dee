// Window and order of the samples before and behind a transform.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/lanes.h"
#include "core/simd/dispatch.h"

namespace edgewright {

struct StftLoops {
  // Writes the windowed even and odd rows of `size` rows.
  void (*split)(const float* rows, const float* window, std::size_t size, Planes signal);
  // The other way round: samples 2n and 2n + 1 are in rows order[n] of the signal.
  void (*join)(Planes signal, const std::uint32_t* order, const float* window, std::size_t size,
               float* rows);
};

EDGEWRIGHT_DISPATCH(StftLoops, stft_loops)

}  // namespace edgewright
