#include <limits>
#include <vector>

#include "core/length_regulator.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

void test_rows_are_repeated_in_order() {
  const std::vector<float> hidden{1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> durations{2, 0, 1};
  CHECK(total_duration(durations.data(), 3, 3) == 3);
  std::vector<float> expanded(6);
  regulate_length(hidden.data(), 3, 2, durations.data(), expanded.data());
  CHECK((expanded == std::vector<float>{1, 2, 1, 2, 5, 6}));
}

void test_sums_beyond_the_limit_are_refused() {
  const std::vector<std::int64_t> durations{1, std::numeric_limits<std::int64_t>::max(), 1};
  CHECK(refuses([&] { total_duration(durations.data(), 3, 1000); }, "limit"));
  const std::int64_t negative = -1;
  CHECK(refuses([&] { total_duration(&negative, 1, 1000); }, "negative"));
  CHECK(total_duration(nullptr, 0, 0) == 0);
}

}  // namespace

int main() {
  test_rows_are_repeated_in_order();
  test_sums_beyond_the_limit_are_refused();
  return exit_code();
}
