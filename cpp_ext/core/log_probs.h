// Log-probabilities of CTC frames, read from logits without a second matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgewright {

// Returns the most probable token of each frame, the first of equal ones. Throws
// std::invalid_argument where a frame has a NaN, +inf, or nothing but -inf.
std::vector<std::int32_t> best_tokens(const float* logits, std::size_t num_frames,
                                      std::size_t vocabulary);

// log softmax(x)_v = x_v - log sum_j exp(x_j), with one normalizer kept for each frame. Logits may
// be -inf, but one of each frame is finite. `logits` must outlive the object.
class LogProbs {
 public:
  // Below this a probability counts as e^-1000, which is 0 in double: no score is ever infinite.
  static constexpr double kFloor = -1000.0;

  LogProbs(const float* logits, std::size_t num_frames, std::size_t vocabulary);

  std::size_t num_frames() const { return normalizers_.size(); }
  std::size_t vocabulary() const { return vocabulary_; }
  std::size_t best_token(std::size_t frame) const {
    return static_cast<std::size_t>(best_tokens_[frame]);
  }

  double at(std::size_t frame, std::size_t token) const {
    const double value =
        static_cast<double>(logits_[frame * vocabulary_ + token]) - normalizers_[frame];
    return value > kFloor ? value : kFloor;
  }

 private:
  const float* logits_;
  std::size_t vocabulary_;
  std::vector<double> normalizers_;
  std::vector<std::int32_t> best_tokens_;
};

// ln(e^a + e^b); -inf stands for a probability of 0.
double log_add(double a, double b);

}  // namespace edgewright
