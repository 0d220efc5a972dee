// Where a prefix stands between the words of a lexicon, and what its words are worth.
#pragma once

#include <cstdint>
#include <vector>

#include "core/ctc_beam.h"

namespace edgewright {

struct WordState {
  std::int32_t trie_node = LexiconTrie::kRoot;
  std::int32_t lm_state = NgramModel::kEmpty;
  double score = 0;  // of the words so far: language model, bonus, and that of single words
};

// A word that may end at a prefix, and the state after it.
struct WordEnd {
  std::int32_t word;
  WordState after;
};

// One way in which a token continues a prefix.
struct WordMove {
  std::int32_t finished_word;  // kNoWord where the token continues a word
  WordState state;
};

constexpr std::int32_t kNoWord = -1;

// Without a lexicon every token continues every prefix, and nothing is scored.
class WordScorer {
 public:
  WordScorer(const CtcBeamOptions& options, const LexiconTrie* lexicon, const NgramModel* model,
             const std::vector<std::int32_t>& lm_word_ids, const std::vector<double>& word_scores)
      : options_(options),
        lexicon_(lexicon),
        model_(model),
        lm_word_ids_(lm_word_ids),
        word_scores_(word_scores) {}

  bool constrains() const { return lexicon_ != nullptr; }
  WordState begin() const;
  void word_ends(const WordState& state, std::vector<WordEnd>& ends) const;
  void moves(const WordState& state, const std::vector<WordEnd>& ends, std::int32_t token,
             std::vector<WordMove>& moves) const;
  double end_score(const WordState& state) const;  // of the end of the sentence

 private:
  const CtcBeamOptions& options_;
  const LexiconTrie* lexicon_;
  const NgramModel* model_;
  const std::vector<std::int32_t>& lm_word_ids_;
  const std::vector<double>& word_scores_;
};

}  // namespace edgewright
