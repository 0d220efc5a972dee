#include "core/image.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace edgewright {
namespace {

constexpr std::size_t kChannels = 3;

// Output value of every pixel value, one table a channel.
using ValueTables = std::array<std::array<float, 256>, kChannels>;

// Positions [begin, end) of one axis.
struct Range {
  int begin;
  int end;
  std::size_t size() const { return static_cast<std::size_t>(end - begin); }
};

// A rectangle of packed RGB whose rows lie `stride` bytes apart.
struct Block {
  const std::uint8_t* pixels;
  std::size_t stride;
  std::size_t rows;
  std::size_t columns;
  const std::uint8_t* row(std::size_t i) const { return pixels + i * stride; }
};

ValueTables value_tables(const Normalization& normalization) {
  ValueTables tables;
  for (std::size_t c = 0; c < kChannels; ++c) {
    for (std::size_t v = 0; v < 256; ++v) {
      const auto rescaled = static_cast<float>(static_cast<double>(v) * normalization.scale);
      tables[c][v] = (rescaled - normalization.mean[c]) / normalization.std[c];
    }
  }
  return tables;
}

// Part of [0, size) that a crop of `length` from `offset` shows; empty where they do not meet.
Range visible(int size, int offset, int length) {
  const int begin = std::clamp(offset, 0, size);
  return {begin, std::clamp(offset + length, begin, size)};
}

// Returns the input positions that `weights` read, and makes them count from the first of these.
Range rebase(ResampleWeights& weights) {
  const Range inputs{weights.first.front(), weights.first.back() + weights.count.back()};
  for (int& first : weights.first) first -= inputs.begin;
  return inputs;
}

Block part_of(const ImageView& image, const Range& rows, const Range& columns) {
  const std::size_t stride = static_cast<std::size_t>(image.width) * kChannels;
  const std::size_t corner = static_cast<std::size_t>(rows.begin) * stride +
                             static_cast<std::size_t>(columns.begin) * kChannels;
  return {image.pixels + corner, stride, rows.size(), columns.size()};
}

void resize_row(const std::uint8_t* row, const ResampleWeights& weights, std::uint8_t* output) {
  for (std::size_t i = 0; i < weights.first.size(); ++i, output += kChannels) {
    const std::uint8_t* pixel = row + static_cast<std::size_t>(weights.first[i]) * kChannels;
    const std::int32_t* weight = weights.weight(i);
    std::int32_t red = kHalf, green = kHalf, blue = kHalf;
    for (int j = 0; j < weights.count[i]; ++j, pixel += kChannels) {
      red += pixel[0] * weight[j];
      green += pixel[1] * weight[j];
      blue += pixel[2] * weight[j];
    }
    output[0] = to_pixel(red);
    output[1] = to_pixel(green);
    output[2] = to_pixel(blue);
  }
}

Block resize_width(const Block& input, const ResampleWeights& weights,
                   std::vector<std::uint8_t>& storage) {
  const std::size_t columns = weights.first.size();
  const std::size_t stride = columns * kChannels;
  storage.resize(input.rows * stride);
  for (std::size_t i = 0; i < input.rows; ++i) {
    resize_row(input.row(i), weights, storage.data() + i * stride);
  }
  return {storage.data(), stride, input.rows, columns};
}

Block resize_height(const Block& input, const ResampleWeights& weights,
                    std::vector<std::uint8_t>& storage) {
  const std::size_t rows = weights.first.size();
  const std::size_t stride = input.columns * kChannels;
  storage.resize(rows * stride);
  std::vector<std::int32_t> sums(stride);
  for (std::size_t i = 0; i < rows; ++i) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int j = 0; j < weights.count[i]; ++j) {
      const std::uint8_t* source = input.row(static_cast<std::size_t>(weights.first[i] + j));
      const std::int32_t weight = weights.weight(i)[j];
      for (std::size_t x = 0; x < stride; ++x) sums[x] += source[x] * weight;
    }
    for (std::size_t x = 0; x < stride; ++x) storage[i * stride + x] = to_pixel(sums[x]);
  }
  return {storage.data(), stride, rows, input.columns};
}

// The order matters for the last bit, because pixels are rounded in between. Pillow 13 starts with
// the height where that loses more than twice as many rows as the width loses columns; older
// versions always start with the width.
bool height_first(const ImageView& image, const ImageGeometry& geometry) {
  const int fewer_rows = image.height - geometry.resized_height;
  const int fewer_columns = image.width - geometry.resized_width;
  return fewer_rows > 0 && fewer_rows > 2 * static_cast<std::int64_t>(fewer_columns);
}

void write_row(const std::uint8_t* row, std::size_t columns, const ValueTables& tables,
               std::size_t plane, float* output) {
  for (std::size_t c = 0; c < kChannels; ++c) {
    for (std::size_t x = 0; x < columns; ++x) {
      output[c * plane + x] = tables[c][row[x * kChannels + c]];
    }
  }
}

void check(const ImageView& image, const ImageGeometry& geometry) {
  if (std::min({image.height, image.width, geometry.resized_height, geometry.resized_width,
                geometry.height, geometry.width}) < 1) {
    throw std::invalid_argument("image: got an empty size, expected at least one pixel");
  }
}

}  // namespace

void transform_image(const ImageView& image, const ImageGeometry& geometry, Filter filter,
                     const Normalization& normalization, float* output) {
  check(image, geometry);
  const ValueTables tables = value_tables(normalization);
  const std::size_t plane =
      static_cast<std::size_t>(geometry.height) * static_cast<std::size_t>(geometry.width);
  for (std::size_t c = 0; c < kChannels; ++c) {
    std::fill_n(output + c * plane, plane, tables[c][0]);
  }
  const Range columns = visible(geometry.resized_width, geometry.left, geometry.width);
  const Range lines = visible(geometry.resized_height, geometry.top, geometry.height);
  if (columns.size() == 0 || lines.size() == 0) return;

  ResampleWeights horizontal =
      resample_weights(filter, image.width, geometry.resized_width, columns.begin, columns.end);
  ResampleWeights vertical =
      resample_weights(filter, image.height, geometry.resized_height, lines.begin, lines.end);
  const Block source = part_of(image, rebase(vertical), rebase(horizontal));
  std::vector<std::uint8_t> storage, resized_storage;
  const Block resized =
      height_first(image, geometry)
          ? resize_width(resize_height(source, vertical, storage), horizontal, resized_storage)
          : resize_height(resize_width(source, horizontal, storage), vertical, resized_storage);

  const auto y = static_cast<std::size_t>(lines.begin - geometry.top);
  const auto x = static_cast<std::size_t>(columns.begin - geometry.left);
  const auto width = static_cast<std::size_t>(geometry.width);
  for (std::size_t i = 0; i < resized.rows; ++i) {
    write_row(resized.row(i), resized.columns, tables, plane, output + (y + i) * width + x);
  }
}

}  // namespace edgewright
