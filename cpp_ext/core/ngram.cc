#include "core/ngram.h"

#include "core/arpa_reader.h"

namespace edgewright {
namespace {

// What KenLM gives words that a model without <unk> does not know: log10 P = -100.
constexpr double kUnknownLogProb = -230.25850929940458;

}  // namespace

NgramModel::NgramModel(std::string_view arpa) {
  nodes_.push_back({0, 0, kEmpty, 0});
  ArpaReader(arpa, *this).read();
  const auto find = [this](const char* word) {
    const auto found = word_ids_.find(word);
    return found == word_ids_.end() ? -1 : found->second;
  };
  unknown_id_ = find("<unk>");
  if (unknown_id_ < 0) unknown_id_ = find("<UNK>");
  end_id_ = find("</s>");
  if (const std::int32_t begin = find("<s>"); begin >= 0) {
    begin_state_ = longest_end(kEmpty, begin);
  }
}

std::int32_t NgramModel::word_id(const std::string& word) const {
  const auto found = word_ids_.find(word);
  return found == word_ids_.end() ? unknown_id_ : found->second;
}

// The node of the longest listed end of (state, word) that can have successors.
std::int32_t NgramModel::longest_end(std::int32_t state, std::int32_t word) const {
  for (;;) {
    const std::int32_t node = children_.find(state, word);
    if (node != PairTable::kMissing) {
      const Node& found = nodes_[static_cast<std::size_t>(node)];
      return found.order < order_ ? node : found.suffix;
    }
    if (state == kEmpty) return kEmpty;
    state = nodes_[static_cast<std::size_t>(state)].suffix;
  }
}

NgramModel::Step NgramModel::score(std::int32_t state, std::int32_t word) const {
  if (word < 0) return {kUnknownLogProb, kEmpty};
  double backoff = 0;
  for (;;) {
    const std::int32_t node = children_.find(state, word);
    if (node != PairTable::kMissing) {
      const Node& found = nodes_[static_cast<std::size_t>(node)];
      return {backoff + static_cast<double>(found.log_prob),
              found.order < order_ ? node : found.suffix};
    }
    if (state == kEmpty) return {backoff + kUnknownLogProb, kEmpty};
    backoff += static_cast<double>(nodes_[static_cast<std::size_t>(state)].backoff);
    state = nodes_[static_cast<std::size_t>(state)].suffix;
  }
}

double NgramModel::end_log_prob(std::int32_t state) const {
  return end_id_ < 0 ? 0 : score(state, end_id_).log_prob;
}

}  // namespace edgewright
