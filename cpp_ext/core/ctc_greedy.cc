#include "core/ctc_greedy.h"

#include <algorithm>
#include <cmath>

#include "core/simd/softmax.h"

namespace edgewright {

float mean_probability(const LogProbs& log_probs, std::size_t token, std::size_t start,
                       std::size_t end) {
  double sum = 0;
  for (std::size_t frame = start; frame < end; ++frame) sum += std::exp(log_probs.at(frame, token));
  return static_cast<float>(std::min(1.0, sum / static_cast<double>(end - start)));
}

std::vector<CtcToken> ctc_greedy_decode(const float* logits, std::size_t num_frames,
                                        std::size_t vocabulary, std::size_t blank_id) {
  const std::vector<std::int32_t> best = best_tokens(logits, num_frames, vocabulary);
  const SoftmaxLoops& loops = softmax_loops();
  std::vector<CtcToken> tokens;
  std::vector<float> scratch(vocabulary);
  for (std::size_t start = 0, end = 0; start < num_frames; start = end) {
    const std::int32_t token = best[start];
    while (end < num_frames && best[end] == token) ++end;
    if (static_cast<std::size_t>(token) == blank_id) continue;
    double sum = 0;
    for (std::size_t frame = start; frame < end; ++frame) {
      // The probability of the largest logit: e^0 / sum_j e^(x_j - largest).
      const float* const row = logits + frame * vocabulary;
      sum += 1.0 / loops.exponentials(row, vocabulary, row[token], scratch.data());
    }
    const double mean = std::min(1.0, sum / static_cast<double>(end - start));
    tokens.push_back({token, static_cast<std::int64_t>(start), static_cast<std::int64_t>(end),
                      static_cast<float>(mean)});
  }
  return tokens;
}

}  // namespace edgewright
