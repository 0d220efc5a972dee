#include "core/softmax.h"

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

// Writes the classes of the k largest logits, largest first, equal ones in the order of their
// class.
void largest_classes(const float* logits, std::size_t classes, std::size_t k,
                     std::int64_t* indices) {
  const SoftmaxLoops& loops = softmax_loops();
  std::size_t count = 0;
  for (std::size_t i = 0; i < classes; ++i) {
    if (count == k) {
      i = loops.first_above(logits, i, classes, logits[indices[k - 1]]);
      if (i == classes) return;
    } else {
      ++count;
    }
    std::size_t place = count - 1;  // of the last one, which is free or falls out
    for (; place > 0 && logits[indices[place - 1]] < logits[i]; --place) {
      indices[place] = indices[place - 1];
    }
    indices[place] = static_cast<std::int64_t>(i);
  }
}

void softmax_top_k(const float* logits, std::size_t rows, std::size_t classes, std::size_t k,
                   std::int64_t* indices, float* probabilities) {
  const SoftmaxLoops& loops = softmax_loops();
  std::vector<float> scratch(classes);
  for (std::size_t row = 0; row < rows; ++row, logits += classes) {
    largest_classes(logits, classes, k, indices);
    const float largest = logits[indices[0]];
    const double sum = loops.exponentials(logits, classes, largest, scratch.data());
    for (std::size_t i = 0; i < k; ++i)
      probabilities[i] = scratch[static_cast<std::size_t>(indices[i])];
    loops.scale(probabilities, k, static_cast<float>(1.0 / sum));
    indices += k;
    probabilities += k;
  }
}

}  // namespace edgewright
