// CTC prefix beam search over spelled words, with a word n-gram and hotwords.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/known_words.h"
#include "core/log_probs.h"
#include "core/ngram.h"

namespace edgewright {

// What a token adds to the text.
struct CtcPiece {
  enum class Kind : std::uint8_t {
    kInside,     // goes on with the word
    kBegin,      // begins a word
    kSeparator,  // ends a word
    kNever,      // is no text: never tried
  };

  std::string text;  // UTF-8
  Kind kind = Kind::kInside;
};

struct CtcWordOptions {
  std::size_t blank_id = 0;
  std::size_t beam_width = 100;
  double token_threshold = -5;  // log-probability below which only the best token is tried
  double beam_threshold = 10;   // natural logarithm below the best prefix, beyond which one is lost
  double lm_weight = 0.5;
  double word_bonus = 1.5;      // natural logarithm, for each word; counts with a model only
  double unknown_offset = -10;  // base 10 for a word that the model does not list; before the word
                                // has ended, a natural logarithm for letters that begin no word
};

struct CtcWord {
  std::string text;
  std::int64_t start;  // first frame of its first token
  std::int64_t end;    // last frame of its last token + 1
  float confidence;    // mean probability of its tokens over their frames
};

struct CtcSentence {
  std::vector<CtcWord> words;
  double log_prob;  // ln of the probability of the spelling, summed over its alignments in the beam
  double score;     // and the scores of the words
};

class CtcWordBeam;  // what the search knows after some frames

// Hannun et al. (2014), algorithm 1, with prefixes told apart by what they spell, not by their
// tokens, and with the paths that end in a blank and those that end in a token pruned on their own:
// the rules of pyctcdecode. A text is known by a fingerprint of 64 bits.
class CtcWordSearch {
 public:
  // `pieces` has one entry for each token of the vocabulary; `model` may be null.
  CtcWordSearch(const CtcWordOptions& options, std::vector<CtcPiece> pieces,
                std::shared_ptr<const NgramModel> model, const Hotwords& hotwords);

  // Up to `n_best` sentences of different texts, best first. The vocabulary of `log_probs` is that
  // of the pieces.
  std::vector<CtcSentence> decode(const LogProbs& log_probs, std::size_t n_best) const;
  const CtcWordOptions& options() const { return options_; }
  std::size_t vocabulary() const { return pieces_.size(); }

 private:
  friend class CtcWordBeam;

  CtcWordOptions options_;
  std::vector<CtcPiece> pieces_;
  std::vector<std::int32_t> piece_letters_;
  std::shared_ptr<const NgramModel> model_;
  KnownWords known_words_;
  bool scores_words_;
};

// The search in an utterance that comes in pieces. Keeps what the beam still says, and no logits.
// Belongs to one caller at a time.
class CtcWordStream {
 public:
  explicit CtcWordStream(std::shared_ptr<const CtcWordSearch> search);
  ~CtcWordStream();

  // The vocabulary is that of the pieces, as for `decode`.
  void feed(const LogProbs& log_probs);
  // What `decode` finds in all frames so far, bit for bit; they may go on afterwards.
  std::vector<CtcSentence> best(std::size_t n_best);
  void reset();
  const CtcWordSearch& search() const { return *search_; }

 private:
  std::shared_ptr<const CtcWordSearch> search_;
  std::unique_ptr<CtcWordBeam> beam_;
};

}  // namespace edgewright
