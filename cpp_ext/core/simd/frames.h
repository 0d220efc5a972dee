// Frames that lie anywhere in memory, into lanes and back.
#pragma once

#include <cstddef>

#include "core/lanes.h"
#include "core/simd/dispatch.h"

namespace edgewright {

struct FrameLoops {
  // Writes row i = (frames[0][i], ..., frames[kLanes - 1][i]) for i < `size`. Reads and writes up
  // to the next multiple of kLanes.
  void (*gather)(const float* const* frames, std::size_t size, float* rows);
  // Writes frames[l][i] = rows[i][l] for i < `size` and l < `count`.
  void (*scatter)(const float* rows, std::size_t size, std::size_t count, float* const* frames);
  // Adds `size` values to others.
  void (*add)(const float* values, std::size_t size, float* to);
};

EDGEWRIGHT_DISPATCH(FrameLoops, frame_loops)

}  // namespace edgewright
