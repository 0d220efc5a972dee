#include "core/image.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "core/simd/resize.h"

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

ResizeTable table_of(const ResampleWeights& weights) {
  return {weights.first.size(), weights.first.data(),
          weights.count.data(), weights.weights.data(),
          weights.stride,       kHalf,
          kWeightBits};
}

// The weights of pairs of inputs, in the halves that 16-bit products take.
class PairWeights {
 public:
  explicit PairWeights(const ResampleWeights& weights) {
    for (std::size_t i = 0; i < weights.first.size(); ++i) {
      const int begin = weights.first[i] / 2, end = (weights.first[i] + weights.count[i] + 1) / 2;
      first_.push_back(static_cast<std::uint32_t>(begin));
      count_.push_back(static_cast<std::uint32_t>(end - begin));
      for (int pair = begin; pair < end; ++pair) {
        const std::int32_t a = weight(weights, i, 2 * pair), b = weight(weights, i, 2 * pair + 1);
        high_.push_back(halves(a >> kLowBits, b >> kLowBits));
        low_.push_back(halves(a & kLowMask, b & kLowMask));
      }
    }
  }

  PairTable table() const {
    return {first_.size(), first_.data(), count_.data(), high_.data(),
            low_.data(),   kHalf,         kWeightBits};
  }

 private:
  static constexpr int kLowBits = 11, kLowMask = (1 << kLowBits) - 1;

  // Weight of an input in output i, 0 where it has none.
  static std::int32_t weight(const ResampleWeights& weights, std::size_t i, int input) {
    const int j = input - weights.first[i];
    return j >= 0 && j < weights.count[i] ? weights.weight(i)[j] : 0;
  }
  static std::int32_t halves(std::int32_t a, std::int32_t b) {
    return static_cast<std::int32_t>((static_cast<std::uint32_t>(a) & 0xffffu) |
                                     (static_cast<std::uint32_t>(b) << 16));
  }

  std::vector<std::uint32_t> first_, count_;
  std::vector<std::int32_t> high_, low_;
};

// Bytes that nobody writes twice, and that therefore begin uninitialized.
using Storage = std::unique_ptr<std::uint8_t[]>;

Storage make_storage(std::size_t size) { return Storage(new std::uint8_t[size]); }

Block resize_width(const Block& input, const ResampleWeights& weights, Storage& storage) {
  const PairWeights pairs(weights);
  const PairTable table = pairs.table();
  const std::size_t stride = table.size * kChannels;
  storage = make_storage(input.rows * stride);
  const Storage scratch = make_storage(resize_scratch_size(input.columns, table.size));
  for (std::size_t first = 0; first < input.rows; first += kResizeRows) {
    const std::size_t count = std::min(kResizeRows, input.rows - first);
    const std::uint8_t* rows[kResizeRows];
    std::uint8_t* outputs[kResizeRows];
    for (std::size_t r = 0; r < count; ++r) {
      rows[r] = input.row(first + r);
      outputs[r] = storage.get() + (first + r) * stride;
    }
    resize_loops().width(rows, count, input.columns, table, scratch.get(), outputs);
  }
  return {storage.get(), stride, input.rows, table.size};
}

Block resize_height(const Block& input, const ResampleWeights& weights, Storage& storage) {
  const ResizeTable table = table_of(weights);
  const std::size_t stride = input.columns * kChannels;
  storage = make_storage(table.size * stride);
  for (std::size_t i = 0; i < table.size; ++i) {
    resize_loops().height(input.pixels, input.stride, stride, table, i, storage.get() + i * stride);
  }
  return {storage.get(), stride, table.size, input.columns};
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
  Storage storage, resized_storage;
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
