#include "core/word_history.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace edgewright {

void WordSpan::add(std::size_t frame, double log_prob) {
  end_ = static_cast<std::int64_t>(frame) + 1;
  ++num_frames_;
  probability_ += std::exp(log_prob);
}

CtcWord WordSpan::word(std::string text) const {
  const double mean = probability_ / static_cast<double>(num_frames_);
  return {std::move(text), start_, end_, static_cast<float>(std::min(1.0, mean))};
}

std::int32_t WordHistory::append(std::int32_t parent, std::int32_t token, const WordSpan& before) {
  retain(parent);
  const Node node{{token, before}, parent, 1};
  if (free_.empty()) {
    nodes_.push_back(node);
    return static_cast<std::int32_t>(nodes_.size() - 1);
  }
  const std::int32_t index = free_.back();
  free_.pop_back();
  nodes_[static_cast<std::size_t>(index)] = node;
  return index;
}

void WordHistory::retain(std::int32_t node) {
  if (node != kEmpty) ++nodes_[static_cast<std::size_t>(node)].owners;
}

void WordHistory::release(std::int32_t node) {
  while (node != kEmpty) {
    Node& released = nodes_[static_cast<std::size_t>(node)];
    if (--released.owners > 0) return;
    free_.push_back(node);
    node = released.parent;
  }
}

std::vector<WordHistory::Step> WordHistory::steps(std::int32_t node) const {
  std::vector<Step> found;
  for (; node != kEmpty; node = nodes_[static_cast<std::size_t>(node)].parent) {
    found.push_back(nodes_[static_cast<std::size_t>(node)].step);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace edgewright
