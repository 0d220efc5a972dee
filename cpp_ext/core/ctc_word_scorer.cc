#include "core/ctc_word_scorer.h"

namespace edgewright {

WordState WordScorer::begin() const {
  WordState state;
  if (model_ != nullptr) state.lm_state = model_->begin_state();
  return state;
}

void WordScorer::word_ends(const WordState& state, std::vector<WordEnd>& ends) const {
  ends.clear();
  if (lexicon_ == nullptr) return;
  const auto [begin, end] = lexicon_->words(state.trie_node);
  for (const std::int32_t* word = begin; word != end; ++word) {
    WordState after{LexiconTrie::kRoot, state.lm_state, state.score + options_.word_bonus};
    if (!word_scores_.empty()) after.score += word_scores_[static_cast<std::size_t>(*word)];
    if (model_ != nullptr) {
      const NgramModel::Step step =
          model_->score(state.lm_state, lm_word_ids_[static_cast<std::size_t>(*word)]);
      after.lm_state = step.state;
      after.score += options_.lm_weight * step.log_prob;
    }
    ends.push_back({*word, after});
  }
}

void WordScorer::moves(const WordState& state, const std::vector<WordEnd>& ends, std::int32_t token,
                       std::vector<WordMove>& moves) const {
  moves.clear();
  if (lexicon_ == nullptr) {
    moves.push_back({kNoWord, state});
    return;
  }
  if (token == options_.separator_id) {
    if (state.trie_node == LexiconTrie::kRoot) moves.push_back({kNoWord, state});
    for (const WordEnd& end : ends) moves.push_back({end.word, end.after});
    return;
  }
  const std::int32_t inside = lexicon_->child(state.trie_node, token);
  if (inside != LexiconTrie::kMissing) {
    moves.push_back({kNoWord, {inside, state.lm_state, state.score}});
  }
  if (ends.empty() || options_.separator_id >= 0) return;
  const std::int32_t first = lexicon_->child(LexiconTrie::kRoot, token);
  if (first == LexiconTrie::kMissing) return;
  for (const WordEnd& end : ends) {
    moves.push_back({end.word, {first, end.after.lm_state, end.after.score}});
  }
}

double WordScorer::end_score(const WordState& state) const {
  return model_ == nullptr ? 0 : options_.lm_weight * model_->end_log_prob(state.lm_state);
}

}  // namespace edgewright
