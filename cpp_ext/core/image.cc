#include "core/image.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace edgewright {
namespace {

constexpr std::size_t kChannels = 3;
// Of columns, two by two and spread for the loops: 8 KiB for a row group.
constexpr std::size_t kScratchPairs = 128;

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

// The last rows of pairs of an image that is read from the top.
class PairRing {
 public:
  PairRing(std::size_t capacity, std::size_t lanes)
      : capacity_(capacity), lanes_(lanes), storage_(capacity * lanes) {}

  std::size_t size() const { return size_; }  // pairs that were added so far
  std::int32_t* add() { return row(size_++); }
  std::int32_t* row(std::size_t pair) { return storage_.data() + pair % capacity_ * lanes_; }

 private:
  std::size_t capacity_;
  std::size_t lanes_;
  std::vector<std::int32_t> storage_;
  std::size_t size_ = 0;
};

std::size_t round_lanes(std::size_t lanes) {
  return (lanes + kLaneRound - 1) / kLaneRound * kLaneRound;
}

// Resizes four rows at a time to the width of `weights`.
class ColumnResizer {
 public:
  ColumnResizer(const PairWeights& weights, std::size_t width)
      : weights_(weights),
        width_(width),
        scratch_pairs_(std::max(2 * weights.count, kScratchPairs)),
        scratch_(scratch_pairs_ * kRowGroup * kPixelLanes) {}

  std::size_t lanes() const { return round_lanes(weights_.first.size() * kPixelLanes); }

  void run(const std::array<const std::uint8_t*, kRowGroup>& rows, std::int32_t* first_pair,
           std::int32_t* second_pair) {
    std::int32_t* const outputs[] = {first_pair, second_pair};
    resize_loops().resize_columns(rows.data(), width_, weights_.view(), scratch_.data(),
                                  scratch_pairs_, outputs);
  }

 private:
  const PairWeights& weights_;
  std::size_t width_;
  std::size_t scratch_pairs_;
  std::vector<std::int32_t> scratch_;
};

// Resizes rows of pairs from `ring`, one output row after the other. `fill` adds one or two pairs.
class RowResizer {
 public:
  RowResizer(const PairWeights& weights, std::size_t lanes)
      : weights_(weights),
        lanes_(lanes),
        ring_(weights.count + 1, lanes),
        pairs_(weights.count),
        output_(lanes) {}

  // Writes output `i`, one value a lane, valid until the next call.
  template <typename Fill>
  const std::int32_t* run(std::size_t i, Fill fill) {
    const auto first = static_cast<std::size_t>(weights_.first[i]);
    while (ring_.size() < first + weights_.count) fill(ring_);
    for (std::size_t j = 0; j < weights_.count; ++j) pairs_[j] = ring_.row(first + j);
    resize_loops().resize_rows(pairs_.data(), weights_.view(), i, lanes_, output_.data());
    return output_.data();
  }

 private:
  const PairWeights& weights_;
  std::size_t lanes_;
  PairRing ring_;
  std::vector<const std::int32_t*> pairs_;
  std::vector<std::int32_t> output_;
};

// The order matters for the last bit, because pixels are rounded in between. Pillow 13 starts with
// the height where that loses more than twice as many rows as the width loses columns; older
// versions always start with the width.
bool height_first(const ImageView& image, const ImageGeometry& geometry) {
  const int fewer_rows = image.height - geometry.resized_height;
  const int fewer_columns = image.width - geometry.resized_width;
  return fewer_rows > 0 && fewer_rows > 2 * static_cast<std::int64_t>(fewer_columns);
}

// Where resized rows go: planes of floats, one row after the other.
struct Target {
  const ValueTables& tables;
  std::size_t columns;
  std::size_t plane;
  std::size_t stride;
  float* output;

  // Writes the pixels that lie `shift` bits high in `lanes`.
  void write_row(const std::int32_t* lanes, int shift) {
    for (std::size_t x = 0; x < columns; ++x, lanes += kPixelLanes) {
      for (std::size_t c = 0; c < kChannels; ++c) {
        output[c * plane + x] = tables[c][static_cast<std::size_t>(lanes[c] >> shift & 0xff)];
      }
    }
    output += stride;
  }
};

void resize_width_first(const Block& source, const PairWeights& horizontal,
                        const PairWeights& vertical, Target target) {
  ColumnResizer columns(horizontal, source.columns);
  RowResizer rows(vertical, columns.lanes());
  const auto fill = [&](PairRing& ring) {
    std::array<const std::uint8_t*, kRowGroup> group;
    for (std::size_t r = 0; r < kRowGroup; ++r) {
      group[r] = source.row(std::min(ring.size() * 2 + r, source.rows - 1));
    }
    std::int32_t* const first_pair = ring.add();
    columns.run(group, first_pair, ring.add());
  };
  for (std::size_t i = 0; i < vertical.first.size(); ++i) target.write_row(rows.run(i, fill), 0);
}

void resize_height_first(const Block& source, const PairWeights& horizontal,
                         const PairWeights& vertical, Target target) {
  const std::size_t size = source.columns * kChannels, num_rows = vertical.first.size();
  ColumnResizer columns(horizontal, source.columns);
  RowResizer rows(vertical, round_lanes(size));
  const auto fill = [&](PairRing& ring) {
    const std::size_t last = source.rows - 1, even = ring.size() * 2;
    resize_loops().pair_rows(source.row(std::min(even, last)), source.row(std::min(even + 1, last)),
                             size, ring.add());
  };
  std::vector<std::uint8_t> pixels(kRowGroup * size);
  std::vector<std::int32_t> pairs(2 * columns.lanes());
  std::int32_t* const second_pair = pairs.data() + columns.lanes();
  for (std::size_t i = 0; i < num_rows; i += kRowGroup) {
    const std::size_t count = std::min(kRowGroup, num_rows - i);
    std::array<const std::uint8_t*, kRowGroup> group;
    for (std::size_t r = 0; r < kRowGroup; ++r) {
      std::uint8_t* const row = pixels.data() + r * size;
      group[r] = row;
      if (r >= count) continue;
      const std::int32_t* const values = rows.run(i + r, fill);
      for (std::size_t x = 0; x < size; ++x) row[x] = static_cast<std::uint8_t>(values[x]);
    }
    columns.run(group, pairs.data(), second_pair);
    for (std::size_t r = 0; r < count; ++r) {
      target.write_row(r < 2 ? pairs.data() : second_pair, r % 2 == 0 ? 0 : 16);
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
  const Range columns = visible(geometry.resized_width, geometry.left, geometry.width);
  const Range lines = visible(geometry.resized_height, geometry.top, geometry.height);
  for (std::size_t c = 0; c < kChannels && columns.size() * lines.size() < plane; ++c) {
    std::fill_n(output + c * plane, plane, tables[c][0]);
  }
  if (columns.size() == 0 || lines.size() == 0) return;

  ResampleWeights horizontal =
      resample_weights(filter, image.width, geometry.resized_width, columns.begin, columns.end);
  ResampleWeights vertical =
      resample_weights(filter, image.height, geometry.resized_height, lines.begin, lines.end);
  const Block source = part_of(image, rebase(vertical), rebase(horizontal));
  const auto y = static_cast<std::size_t>(lines.begin - geometry.top);
  const auto x = static_cast<std::size_t>(columns.begin - geometry.left);
  const auto width = static_cast<std::size_t>(geometry.width);
  const Target target{tables, columns.size(), plane, width, output + y * width + x};
  const auto resize = height_first(image, geometry) ? resize_height_first : resize_width_first;
  resize(source, pair_weights(horizontal), pair_weights(vertical), target);
}

}  // namespace edgewright
