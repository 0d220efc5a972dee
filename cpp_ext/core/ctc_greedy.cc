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

void CtcGreedyStream::feed(const float* logits, std::size_t num_frames, std::size_t vocabulary) {
  const std::vector<std::int32_t> best = best_tokens(logits, num_frames, vocabulary);
  const SoftmaxLoops& loops = softmax_loops();
  std::vector<float> scratch(vocabulary);
  for (std::size_t start = 0, end = 0; start < num_frames; start = end) {
    const std::int32_t token = best[start];
    while (end < num_frames && best[end] == token) ++end;
    if (static_cast<std::size_t>(token) == blank_id_) continue;
    CtcToken& run = run_from(num_frames_ + static_cast<std::int64_t>(start), token);
    for (std::size_t frame = start; frame < end; ++frame) {
      // The probability of the largest logit: e^0 / sum_j e^(x_j - largest).
      const float* const row = logits + frame * vocabulary;
      probability_ += 1.0 / loops.exponentials(row, vocabulary, row[token], scratch.data());
    }
    run.end = num_frames_ + static_cast<std::int64_t>(end);
    const double mean = probability_ / static_cast<double>(run.end - run.start);
    run.confidence = static_cast<float>(std::min(1.0, mean));
  }
  num_frames_ += static_cast<std::int64_t>(num_frames);
}

// The last token where it goes on at `frame`, or a new one.
CtcToken& CtcGreedyStream::run_from(std::int64_t frame, std::int32_t token) {
  if (tokens_.empty() || tokens_.back().token_id != token || tokens_.back().end != frame) {
    tokens_.push_back({token, frame, frame, 0.0f});
    probability_ = 0;
  }
  return tokens_.back();
}

void CtcGreedyStream::reset() {
  tokens_.clear();
  num_frames_ = 0;
}

std::vector<CtcToken> ctc_greedy_decode(const float* logits, std::size_t num_frames,
                                        std::size_t vocabulary, std::size_t blank_id) {
  CtcGreedyStream stream(blank_id);
  stream.feed(logits, num_frames, vocabulary);
  return stream.best();
}

}  // namespace edgewright
