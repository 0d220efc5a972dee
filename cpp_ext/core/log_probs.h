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

// log softmax(x)_v = x_v - log sum_j exp(x_j) of one frame.
class FrameLogProbs {
 public:
  // Below this a probability counts as e^-1000, which is 0 in double: no score is ever infinite.
  static constexpr double kFloor = -1000.0;

  FrameLogProbs(const float* logits, std::size_t vocabulary, double normalizer,
                std::size_t best_token)
      : logits_(logits),
        vocabulary_(vocabulary),
        normalizer_(normalizer),
        best_token_(best_token) {}

  std::size_t vocabulary() const { return vocabulary_; }
  std::size_t best_token() const { return best_token_; }
  double at(std::size_t token) const {
    const double value = static_cast<double>(logits_[token]) - normalizer_;
    return value > kFloor ? value : kFloor;
  }

 private:
  const float* logits_;
  std::size_t vocabulary_;
  double normalizer_;
  std::size_t best_token_;
};

// Frames with one normalizer kept for each. Logits may be -inf, but one of each frame is finite.
class LogProbs {
 public:
  LogProbs() = default;  // no frames yet
  // `logits` must outlive the object.
  LogProbs(const float* logits, std::size_t num_frames, std::size_t vocabulary);
  LogProbs(const LogProbs&) = delete;
  LogProbs& operator=(const LogProbs&) = delete;
  LogProbs(LogProbs&&) = default;
  LogProbs& operator=(LogProbs&&) = default;

  // Puts the frames of `piece` behind these, and keeps a copy of all logits. Throws
  // std::invalid_argument where the vocabulary is another.
  void append(const LogProbs& piece);

  std::size_t num_frames() const { return normalizers_.size(); }
  std::size_t vocabulary() const { return vocabulary_; }
  FrameLogProbs frame(std::size_t frame) const {
    return {logits_ + frame * vocabulary_, vocabulary_, normalizers_[frame],
            static_cast<std::size_t>(best_tokens_[frame])};
  }
  double at(std::size_t frame, std::size_t token) const { return this->frame(frame).at(token); }

 private:
  const float* logits_ = nullptr;
  std::size_t vocabulary_ = 0;
  std::vector<double> normalizers_;
  std::vector<std::int32_t> best_tokens_;
  std::vector<float> kept_;  // where the logits lie after `append`
};

// ln(e^a + e^b); -inf stands for a probability of 0.
double log_add(double a, double b);

}  // namespace edgewright
