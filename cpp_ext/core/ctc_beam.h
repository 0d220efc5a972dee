// CTC prefix beam search, free or over the words of a lexicon with a word n-gram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/ctc_greedy.h"
#include "core/lexicon_trie.h"
#include "core/ngram.h"

namespace edgewright {

struct CtcBeamOptions {
  std::size_t blank_id = 0;
  std::size_t beam_width = 32;
  double token_threshold = -7;  // log-probability below which only the best token extends a prefix
  double beam_threshold = 14;   // natural logarithm below the best prefix, beyond which one is lost
  std::int32_t separator_id = -1;  // the token that must stand between words; -1 without one
  double lm_weight = 0;
  double word_bonus = 0;     // natural logarithm, for each word
  double blank_penalty = 0;  // natural logarithm, taken from the blank of each frame
};

struct CtcHypothesis {
  std::vector<CtcToken> tokens;            // with a lexicon only those of words
  std::vector<std::int32_t> words;         // indices of the lexicon's words
  std::vector<std::int64_t> word_lengths;  // tokens of each word
  double
      score;  // ln of the prefix's probability, summed over its alignments, plus the words' scores
};

class CtcBeam;  // what the search knows after some frames

// Hannun et al. (2014), "First-Pass Large Vocabulary Continuous Speech Recognition using
// Bi-Directional Recurrent DNNs", algorithm 1, in the log domain. A prefix is a node of a tree kept
// for the whole utterance. With a lexicon a node also says where in the lexicon its last word is; a
// word counts when the token after it comes, so that one word may begin another.
class CtcBeamSearch {
 public:
  // `lexicon` and `language_model` may be null; a model needs a lexicon, and `lm_word_ids` the
  // model's id of each word of the lexicon. `word_scores` is empty or adds a natural logarithm to
  // each word of the lexicon.
  CtcBeamSearch(const CtcBeamOptions& options, std::shared_ptr<const LexiconTrie> lexicon,
                std::shared_ptr<const NgramModel> language_model,
                std::vector<std::int32_t> lm_word_ids, std::vector<double> word_scores);

  // Up to `n_best` hypotheses, best first; equal ones in the order in which they were found.
  std::vector<CtcHypothesis> decode(const LogProbs& log_probs, std::size_t n_best) const;
  const CtcBeamOptions& options() const { return options_; }

 private:
  friend class CtcBeam;

  CtcBeamOptions options_;
  std::shared_ptr<const LexiconTrie> lexicon_;
  std::shared_ptr<const NgramModel> language_model_;
  std::vector<std::int32_t> lm_word_ids_;
  std::vector<double> word_scores_;
};

// The search in an utterance that comes in pieces. Keeps the logits, from which `best` aligns the
// tokens, and every prefix that ever was in the beam. Belongs to one caller at a time.
class CtcBeamStream {
 public:
  explicit CtcBeamStream(std::shared_ptr<const CtcBeamSearch> search);
  ~CtcBeamStream();

  // Throws std::invalid_argument, and stays as it is, where the vocabulary changes.
  void feed(const LogProbs& log_probs);
  // What `decode` finds in all frames so far, bit for bit; they may go on afterwards.
  std::vector<CtcHypothesis> best(std::size_t n_best) const;
  void reset();
  const CtcBeamSearch& search() const { return *search_; }

 private:
  std::shared_ptr<const CtcBeamSearch> search_;
  LogProbs log_probs_;
  std::unique_ptr<CtcBeam> beam_;
};

}  // namespace edgewright
