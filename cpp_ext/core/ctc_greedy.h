// Greedy CTC decoding: the best token of each frame, runs merged, blanks dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/log_probs.h"

namespace edgewright {

// A token of a decoded sequence and the frames [start, end) of its run.
struct CtcToken {
  std::int32_t token_id;
  std::int64_t start;
  std::int64_t end;
  float confidence;  // mean probability over these frames
};

// Graves et al. (2006), "best path decoding", section 3.2, of frames that come in pieces. Keeps the
// tokens. Belongs to one caller at a time.
class CtcGreedyStream {
 public:
  explicit CtcGreedyStream(std::size_t blank_id) : blank_id_(blank_id) {}

  // Throws std::invalid_argument as `best_tokens` does, and then stays as it is.
  void feed(const float* logits, std::size_t num_frames, std::size_t vocabulary);
  // The tokens of all frames so far; the last one may go on.
  const std::vector<CtcToken>& best() const { return tokens_; }
  void reset();
  std::size_t blank_id() const { return blank_id_; }

 private:
  CtcToken& run_from(std::int64_t frame, std::int32_t token);

  std::size_t blank_id_;
  std::vector<CtcToken> tokens_;
  double probability_ = 0;  // of the last token, summed over its frames
  std::int64_t num_frames_ = 0;
};

// A stream fed once.
std::vector<CtcToken> ctc_greedy_decode(const float* logits, std::size_t num_frames,
                                        std::size_t vocabulary, std::size_t blank_id);

// Mean probability of a token over the frames [start, end), which are at least one.
float mean_probability(const LogProbs& log_probs, std::size_t token, std::size_t start,
                       std::size_t end);

}  // namespace edgewright
