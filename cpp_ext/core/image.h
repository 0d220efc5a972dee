// From 8-bit RGB pixels to the input of a vision model.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/resample.h"

namespace edgewright {

// Packed RGB, row by row.
struct ImageView {
  const std::uint8_t* pixels;
  int height;
  int width;
};

// The image is resized to `resized_height` x `resized_width`; of that, the output shows the
// rectangle of `height` x `width` whose corner is at (`top`, `left`). Where the rectangle leaves
// the resized image (negative corner), the output shows black.
struct ImageGeometry {
  int resized_height;
  int resized_width;
  int top;
  int left;
  int height;
  int width;
};

// Channel c of a pixel v becomes (v * scale - mean[c]) / std[c], with the roundings of a float32
// pipeline that rescales first and normalizes then.
struct Normalization {
  double scale;
  std::array<float, 3> mean;
  std::array<float, 3> std;
};

// Resizes, crops, rescales and normalizes `image` and writes it to `output` as planes
// (3, height, width). Resizing is computed for the visible rectangle only, and equals that of
// Pillow 13 bit for bit.
// All sizes are at least 1; throws std::invalid_argument otherwise.
void transform_image(const ImageView& image, const ImageGeometry& geometry, Filter filter,
                     const Normalization& normalization, float* output);

}  // namespace edgewright
