#include <cstdlib>
#include <utility>
#include <vector>

#include "core/image.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

constexpr Normalization kIdentity{1.0, {0, 0, 0}, {1, 1, 1}};

std::vector<std::uint8_t> ramp(int height, int width) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width * 3));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 7);
  return pixels;
}

std::vector<float> transformed(int height, int width, const ImageGeometry& geometry, Filter filter,
                               const Normalization& normalization = kIdentity) {
  const std::vector<std::uint8_t> pixels = ramp(height, width);
  std::vector<float> output(static_cast<std::size_t>(3 * geometry.height * geometry.width));
  transform_image({pixels.data(), height, width}, geometry, filter, normalization, output.data());
  return output;
}

void test_weights_sum_to_one() {
  for (const Filter filter : {Filter::kBilinear, Filter::kBicubic}) {
    for (const auto& [in_size, out_size] : {std::pair{1, 9}, {9, 1}, {7, 5}, {5, 7}, {1000, 3}}) {
      const ResampleWeights weights = resample_weights(filter, in_size, out_size, 0, out_size);
      for (std::size_t i = 0; i < weights.first.size(); ++i) {
        std::int64_t sum = 0;
        for (int j = 0; j < weights.count[i]; ++j) sum += weights.weight(i)[j];
        // Each weight is rounded by half a unit at most.
        CHECK(std::abs(sum - (std::int64_t{1} << kWeightBits)) <= weights.count[i]);
        CHECK(weights.first[i] >= 0 && weights.first[i] + weights.count[i] <= in_size);
      }
    }
  }
}

void test_same_size_is_the_identity() {
  const std::vector<std::uint8_t> pixels = ramp(3, 4);
  const std::vector<float> output = transformed(3, 4, {3, 4, 0, 0, 3, 4}, Filter::kBicubic);
  for (std::size_t i = 0; i < 12; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(output[c * 12 + i] == static_cast<float>(pixels[i * 3 + c]));
    }
  }
}

void test_normalization() {
  const Normalization normalization{0.5, {1, 2, 3}, {2, 4, 8}};
  const std::vector<float> output =
      transformed(1, 1, {1, 1, 0, 0, 1, 1}, Filter::kBilinear, normalization);
  CHECK((output == std::vector<float>{-0.5f, (3.5f - 2) / 4, 4.0f / 8}));
}

void test_crop_is_part_of_the_whole() {
  const std::vector<float> whole = transformed(20, 9, {7, 8, 0, 0, 7, 8}, Filter::kBicubic);
  const std::vector<float> part = transformed(20, 9, {7, 8, 2, -1, 3, 10}, Filter::kBicubic);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t y = 0; y < 3; ++y) {
      const float* row = &part[c * 30 + y * 10];
      CHECK(row[0] == 0 && row[9] == 0);
      for (std::size_t x = 0; x < 8; ++x) CHECK(row[x + 1] == whole[c * 56 + (y + 2) * 8 + x]);
    }
  }
}

// The sanitizers watch these: extreme ratios, and crops beside the image.
void test_extremes() {
  for (const int height : {1, 2, 500}) {
    for (const int width : {1, 3, 400}) {
      for (const int target : {1, 2, 31, 600}) {
        transformed(height, width, {target, target, 0, 0, target, target}, Filter::kBicubic);
        transformed(height, width, {target, 5, -3, -2, target + 9, 9}, Filter::kBilinear);
        transformed(height, width, {target, target, target, 0, 4, 4}, Filter::kBilinear);
      }
    }
  }
  CHECK(refuses([] { transformed(1, 1, {0, 1, 0, 0, 1, 1}, Filter::kBicubic); }, "empty size"));
}

}  // namespace

int main() {
  test_weights_sum_to_one();
  test_same_size_is_the_identity();
  test_normalization();
  test_crop_is_part_of_the_whole();
  test_extremes();
  return exit_code();
}
