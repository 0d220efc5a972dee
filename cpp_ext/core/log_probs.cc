#include "core/log_probs.h"

#include <algorithm>
#include <cmath>

namespace edgewright {

LogProbs::LogProbs(const float* logits, std::size_t num_frames, std::size_t vocabulary)
    : logits_(logits), vocabulary_(vocabulary), normalizers_(num_frames), best_tokens_(num_frames) {
  for (std::size_t frame = 0; frame < num_frames; ++frame, logits += vocabulary) {
    const float* const largest = std::max_element(logits, logits + vocabulary);
    double sum = 0;
    for (std::size_t token = 0; token < vocabulary; ++token) {
      sum += static_cast<double>(std::exp(logits[token] - *largest));
    }
    normalizers_[frame] = static_cast<double>(*largest) + std::log(sum);
    best_tokens_[frame] = static_cast<std::size_t>(largest - logits);
  }
}

}  // namespace edgewright
