// Softmax over the last axis, and its k largest values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgewright {

// p_i = exp(x_i - max x) / sum_j exp(x_j - max x), for each of `rows` rows of `classes` finite
// logits. Exponentials are float, their sum is double.
void softmax(const float* logits, std::size_t rows, std::size_t classes, float* probabilities);

// Writes, for each row, the classes of the k largest logits and their softmax, largest first; equal
// logits in the order of their class. `k` is at most `classes`.
void softmax_top_k(const float* logits, std::size_t rows, std::size_t classes, std::size_t k,
                   std::int64_t* indices, float* probabilities);

}  // namespace edgewright
