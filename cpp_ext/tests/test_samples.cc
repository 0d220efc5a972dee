#include <cmath>
#include <limits>
#include <vector>

#include "core/simd/samples.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

float largest(const std::vector<float>& samples) {
  return sample_loops().largest_magnitude(samples.data(), samples.size());
}

void test_largest_magnitude_of_every_size_and_place() {
  CHECK(largest({}) == 0.0f);
  for (std::size_t size = 1; size < 100; ++size) {
    for (std::size_t place = 0; place < size; place += 1 + size / 7) {
      std::vector<float> samples(size, 0.5f);
      samples[place] = -3.0f;
      CHECK(largest(samples) == 3.0f);
      samples[place] = -std::numeric_limits<float>::infinity();
      CHECK(std::isinf(largest(samples)));
      samples[place] = std::numeric_limits<float>::quiet_NaN();
      CHECK(std::isnan(largest(samples)));
    }
  }
}

void test_emphasize() {
  std::vector<float> samples(50), output(49);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = std::sin(static_cast<float>(i));
  sample_loops().emphasize(samples.data() + 1, 49, 8.0f, 0.97f, output.data());
  for (std::size_t i = 0; i < 49; ++i) {
    CHECK(output[i] == samples[i + 1] * 8.0f - 0.97f * (samples[i] * 8.0f));
  }
}

}  // namespace

int main() {
  test_largest_magnitude_of_every_size_and_place();
  test_emphasize();
  return exit_code();
}
