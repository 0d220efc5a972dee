#include "core/length_regulator.h"

#include <algorithm>
#include <stdexcept>

namespace edgewright {

std::size_t total_duration(const std::int64_t* durations, std::size_t count, std::size_t limit) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (durations[i] < 0) throw std::invalid_argument("durations: got a negative one");
    if (static_cast<std::uint64_t>(durations[i]) > limit - total) {
      throw std::invalid_argument("durations: got more frames than the limit");
    }
    total += static_cast<std::size_t>(durations[i]);
  }
  return total;
}

void regulate_length(const float* hidden, std::size_t count, std::size_t dim,
                     const std::int64_t* durations, float* expanded) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::int64_t repeat = 0; repeat < durations[i]; ++repeat) {
      expanded = std::copy_n(hidden + i * dim, dim, expanded);
    }
  }
}

}  // namespace edgewright
