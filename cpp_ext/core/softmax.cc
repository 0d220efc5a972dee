#include "core/softmax.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/simd/softmax.h"

namespace edgewright {

void softmax(const float* logits, std::size_t rows, std::size_t classes, float* probabilities) {
  const SoftmaxLoops& loops = softmax_loops();
  for (std::size_t row = 0; row < rows; ++row, logits += classes, probabilities += classes) {
    const float largest = loops.largest(logits, classes);
    const double sum = loops.exponentials(logits, classes, largest, probabilities);
    loops.scale(probabilities, classes, static_cast<float>(1.0 / sum));
  }
}

void softmax_top_k(const float* logits, std::size_t rows, std::size_t classes, std::size_t k,
                   std::int64_t* indices, float* probabilities) {
  std::vector<std::int64_t> order(classes);
  std::vector<float> all(classes);
  for (std::size_t row = 0; row < rows; ++row, logits += classes) {
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                      [logits](std::int64_t a, std::int64_t b) {
                        return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
                      });
    softmax(logits, 1, classes, all.data());
    for (std::size_t i = 0; i < k; ++i) {
      *indices++ = order[i];
      *probabilities++ = all[static_cast<std::size_t>(order[i])];
    }
  }
}

}  // namespace edgewright
