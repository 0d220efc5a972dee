#include "core/ctc_alignment.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace edgewright {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

// The states of a token sequence: even ones are blanks, state 2 i + 1 is token i.
class States {
 public:
  States(const std::vector<std::int32_t>& tokens, std::size_t blank_id)
      : tokens_(tokens), blank_id_(blank_id) {}

  std::size_t size() const { return 2 * tokens_.size() + 1; }
  std::size_t label(std::size_t state) const {
    return state % 2 == 0 ? blank_id_ : static_cast<std::size_t>(tokens_[state / 2]);
  }
  // Whether a path may go from state - 2 to state: over a blank between different tokens.
  bool may_skip(std::size_t state) const {
    return state % 2 == 1 && state >= 3 && label(state) != label(state - 2);
  }

 private:
  const std::vector<std::int32_t>& tokens_;
  std::size_t blank_id_;
};

// Moves `scores` on by one frame; steps[s] says how many states below s its best path was. Only of
// states that a path reaches, at two a frame, and from which it still reaches the end.
void advance(const States& states, const LogProbs& log_probs, std::size_t frame,
             std::vector<double>& scores, std::uint8_t* steps) {
  const std::size_t reached = std::min(states.size(), 2 * frame + 2);
  const std::size_t missed = 2 * (log_probs.num_frames() - frame);
  const std::size_t first = states.size() > missed ? states.size() - missed : 0;
  for (std::size_t state = reached; state-- > first;) {  // downwards: lower states are the old
    double best = scores[state];
    std::uint8_t step = 0;
    if (state >= 1 && scores[state - 1] > best) {
      best = scores[state - 1];
      step = 1;
    }
    if (states.may_skip(state) && scores[state - 2] > best) {
      best = scores[state - 2];
      step = 2;
    }
    scores[state] = best + log_probs.at(frame, states.label(state));
    steps[state] = step;
  }
}

// The state of each frame on the best path.
std::vector<std::size_t> best_path(const LogProbs& log_probs, const States& states) {
  const std::size_t size = states.size();
  const std::size_t num_frames = log_probs.num_frames();
  std::vector<double> scores(size, kImpossible);
  scores[0] = log_probs.at(0, states.label(0));
  if (size > 1) scores[1] = log_probs.at(0, states.label(1));
  std::vector<std::uint8_t> steps(num_frames * size);
  for (std::size_t frame = 1; frame < num_frames; ++frame) {
    advance(states, log_probs, frame, scores, &steps[frame * size]);
  }
  std::size_t state = size - 1;
  if (size > 1 && scores[size - 2] >= scores[size - 1]) state = size - 2;
  if (scores[state] == kImpossible) {
    throw std::invalid_argument("tokens: got more than fit, expected at most one a frame");
  }
  std::vector<std::size_t> path(num_frames);
  for (std::size_t frame = num_frames; frame-- > 0;) {
    path[frame] = state;
    state -= steps[frame * size + state];
  }
  return path;
}

}  // namespace

std::vector<CtcToken> ctc_align(const LogProbs& log_probs, const std::vector<std::int32_t>& tokens,
                                std::size_t blank_id) {
  std::vector<CtcToken> aligned;
  if (tokens.empty()) return aligned;
  if (log_probs.num_frames() == 0) {
    throw std::invalid_argument("tokens: got more than fit, expected at most one a frame");
  }
  const std::vector<std::size_t> path = best_path(log_probs, States(tokens, blank_id));
  for (std::size_t start = 0, end = 0; start < path.size(); start = end) {
    while (end < path.size() && path[end] == path[start]) ++end;
    if (path[start] % 2 == 0) continue;
    const std::int32_t token = tokens[path[start] / 2];
    aligned.push_back({token, static_cast<std::int64_t>(start), static_cast<std::int64_t>(end),
                       mean_probability(log_probs, static_cast<std::size_t>(token), start, end)});
  }
  return aligned;
}

}  // namespace edgewright
