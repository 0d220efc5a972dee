#include "core/ctc_greedy.h"

#include <algorithm>
#include <cmath>

namespace edgewright {

float mean_probability(const LogProbs& log_probs, std::size_t token, std::size_t start,
                       std::size_t end) {
  double sum = 0;
  for (std::size_t frame = start; frame < end; ++frame) sum += std::exp(log_probs.at(frame, token));
  return static_cast<float>(std::min(1.0, sum / static_cast<double>(end - start)));
}

std::vector<CtcToken> ctc_greedy_decode(const LogProbs& log_probs, std::size_t blank_id) {
  std::vector<CtcToken> tokens;
  const std::size_t num_frames = log_probs.num_frames();
  for (std::size_t start = 0, end = 0; start < num_frames; start = end) {
    const std::size_t token = log_probs.best_token(start);
    while (end < num_frames && log_probs.best_token(end) == token) ++end;
    if (token == blank_id) continue;
    tokens.push_back({static_cast<std::int32_t>(token), static_cast<std::int64_t>(start),
                      static_cast<std::int64_t>(end),
                      mean_probability(log_probs, token, start, end)});
  }
  return tokens;
}

}  // namespace edgewright
