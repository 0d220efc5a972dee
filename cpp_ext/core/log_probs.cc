#include "core/log_probs.h"

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/simd/ctc.h"
#include "core/simd/softmax.h"

namespace edgewright {

std::vector<std::int32_t> best_tokens(const float* logits, std::size_t num_frames,
                                      std::size_t vocabulary) {
  std::vector<std::int32_t> best(num_frames);
  ctc_loops().best_tokens(logits, num_frames, vocabulary, best.data());
  for (std::size_t frame = 0; frame < num_frames; ++frame) {
    if (best[frame] < 0) {
      throw std::invalid_argument("logits: got NaN, +inf or a frame of -inf alone (frame " +
                                  std::to_string(frame) + "), expected finite logits");
    }
  }
  return best;
}

LogProbs::LogProbs(const float* logits, std::size_t num_frames, std::size_t vocabulary)
    : logits_(logits),
      vocabulary_(vocabulary),
      normalizers_(num_frames),
      best_tokens_(edgewright::best_tokens(logits, num_frames, vocabulary)) {
  std::vector<float> scratch(vocabulary);
  for (std::size_t frame = 0; frame < num_frames; ++frame, logits += vocabulary) {
    const float largest = logits[best_tokens_[frame]];
    const double sum = softmax_loops().exponentials(logits, vocabulary, largest, scratch.data());
    normalizers_[frame] = static_cast<double>(largest) + std::log(sum);
  }
}

void LogProbs::append(const LogProbs& piece) {
  if (num_frames() == 0) vocabulary_ = piece.vocabulary_;
  if (piece.vocabulary_ != vocabulary_) {
    throw std::invalid_argument(
        "logits: got another vocabulary, expected that of the frames before");
  }
  if (kept_.empty()) kept_.assign(logits_, logits_ + num_frames() * vocabulary_);
  kept_.insert(kept_.end(), piece.logits_, piece.logits_ + piece.num_frames() * vocabulary_);
  logits_ = kept_.data();
  normalizers_.insert(normalizers_.end(), piece.normalizers_.begin(), piece.normalizers_.end());
  best_tokens_.insert(best_tokens_.end(), piece.best_tokens_.begin(), piece.best_tokens_.end());
}

double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  return std::isinf(b) ? a : a + std::log1p(std::exp(b - a));
}

}  // namespace edgewright
