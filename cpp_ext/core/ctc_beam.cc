#include "core/ctc_beam.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/ctc_alignment.h"
#include "core/ctc_word_scorer.h"

namespace edgewright {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();
constexpr std::int32_t kNone = -1;

// A prefix: the token that it adds to its parent, and the word that ended before this token.
struct Node {
  std::int32_t parent;
  std::int32_t token;
  std::int32_t finished_word;
  std::int32_t first_child;
  std::int32_t next_sibling;
  std::int32_t slot;  // its place in the beam, kNone where it is not in it
  WordState words;
};

// What the beam knows of a prefix after some frames.
struct Entry {
  std::int32_t node;        // kNone for a prefix without a node yet
  std::int32_t parent;      // of a new prefix
  std::int32_t token;       // its last one, kNone at the root
  std::int32_t child_slot;  // head of the list of its children in the beam
  std::int32_t next_child;
  double blank = kImpossible;      // ln of the probability of the paths that end in a blank
  double token_end = kImpossible;  // and in its last token
  WordMove move{kNoWord, {}};
};

class Beam {
 public:
  Beam(const CtcBeamOptions& options, const WordScorer& scorer)
      : options_(options), scorer_(scorer) {
    nodes_.push_back({kNone, kNone, kNoWord, kNone, kNone, 0, scorer_.begin()});
    Entry root{0, kNone, kNone, kNone, kNone};
    root.blank = 0;
    beam_.push_back(root);
  }

  void feed(const LogProbs& log_probs) {
    for (std::size_t i = 0; i < log_probs.num_frames(); ++i) step(log_probs.frame(i));
  }

  // `log_probs` are those of all frames that were fed.
  std::vector<CtcHypothesis> hypotheses(const LogProbs& log_probs, std::size_t n_best) const;

 private:
  // A finished sentence: the prefix, and the word that ends with it.
  struct Ending {
    std::int32_t node;
    std::int32_t last_word;
    bool complete;
    double score;
  };

  struct Path {
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> word_of_token;  // from the last one, which is 1; kNone between words
    std::vector<std::int32_t> words;
  };

  void step(const FrameLogProbs& frame);
  void choose_tokens(const FrameLogProbs& frame);
  void link_children();
  void stay(const FrameLogProbs& frame);
  void extend(std::size_t slot);
  void add(std::size_t slot, std::int32_t token, double log_prob, const WordMove& move);
  void prune();
  std::int32_t make_node(const Entry& entry);
  std::vector<Ending> endings() const;
  Path trace(const Ending& ending) const;
  CtcHypothesis align(const Path& path, double score, const LogProbs& log_probs) const;

  const CtcBeamOptions& options_;
  const WordScorer scorer_;
  std::vector<Node> nodes_;
  std::vector<Entry> beam_;  // best first
  std::vector<Entry> next_;  // entry i of it is entry i of the beam, then come the new prefixes
  std::vector<std::pair<std::int32_t, double>> tokens_;  // that may extend a prefix, best first
  std::vector<std::pair<double, std::size_t>> ranks_;    // negative scores, and places in next_
  std::vector<WordEnd> ends_;
  std::vector<WordMove> moves_;
  double best_ = kImpossible;
};

void Beam::step(const FrameLogProbs& frame) {
  choose_tokens(frame);
  link_children();
  stay(frame);
  for (std::size_t slot = 0; slot < beam_.size(); ++slot) extend(slot);
  prune();
}

void Beam::choose_tokens(const FrameLogProbs& frame) {
  tokens_.clear();
  for (std::size_t token = 0; token < frame.vocabulary(); ++token) {
    if (token == options_.blank_id) continue;
    const double log_prob = frame.at(token);
    if (log_prob >= options_.token_threshold || token == frame.best_token()) {
      tokens_.emplace_back(static_cast<std::int32_t>(token), log_prob);
    }
  }
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
}

void Beam::link_children() {
  for (Entry& entry : beam_) entry.child_slot = kNone;
  for (std::size_t slot = beam_.size(); slot-- > 0;) {
    const std::int32_t parent = nodes_[static_cast<std::size_t>(beam_[slot].node)].parent;
    if (parent == kNone) continue;
    const std::int32_t parent_slot = nodes_[static_cast<std::size_t>(parent)].slot;
    if (parent_slot == kNone) continue;
    Entry& entry = beam_[static_cast<std::size_t>(parent_slot)];
    beam_[slot].next_child = entry.child_slot;
    entry.child_slot = static_cast<std::int32_t>(slot);
  }
}

void Beam::stay(const FrameLogProbs& frame) {
  next_ = beam_;
  best_ = kImpossible;
  const double blank = frame.at(options_.blank_id) - options_.blank_penalty;
  for (Entry& entry : next_) {
    const double sum = log_add(entry.blank, entry.token_end);
    if (entry.token != kNone) entry.token_end += frame.at(static_cast<std::size_t>(entry.token));
    entry.blank = sum + blank;
    best_ = std::max(best_, log_add(entry.blank, entry.token_end) + entry.move.state.score);
  }
}

void Beam::extend(std::size_t slot) {
  const Entry& entry = beam_[slot];
  const WordState& words = nodes_[static_cast<std::size_t>(entry.node)].words;
  const double sum = log_add(entry.blank, entry.token_end);
  scorer_.word_ends(words, ends_);
  for (const auto& [token, log_prob] : tokens_) {
    // A token follows an equal one only over a blank.
    const double from = token == entry.token ? entry.blank : sum;
    if (from == kImpossible) continue;
    scorer_.moves(words, ends_, token, moves_);
    for (const WordMove& move : moves_) add(slot, token, from + log_prob, move);
  }
}

void Beam::add(std::size_t slot, std::int32_t token, double log_prob, const WordMove& move) {
  for (std::int32_t child = beam_[slot].child_slot; child != kNone;
       child = beam_[static_cast<std::size_t>(child)].next_child) {
    Entry& entry = next_[static_cast<std::size_t>(child)];
    if (entry.token == token && entry.move.finished_word == move.finished_word) {
      entry.token_end = log_add(entry.token_end, log_prob);
      best_ = std::max(best_, log_add(entry.blank, entry.token_end) + entry.move.state.score);
      return;
    }
  }
  const double score = log_prob + move.state.score;
  if (score < best_ - options_.beam_threshold) return;
  best_ = std::max(best_, score);
  Entry entry{kNone, beam_[slot].node, token, kNone, kNone};
  entry.token_end = log_prob;
  entry.move = move;
  next_.push_back(entry);
}

// Keeps the best prefixes; of equal ones those that were found first.
void Beam::prune() {
  ranks_.clear();
  const double least = best_ - options_.beam_threshold;
  for (std::size_t index = 0; index < next_.size(); ++index) {
    const Entry& entry = next_[index];
    const double score = log_add(entry.blank, entry.token_end) + entry.move.state.score;
    if (score >= least) ranks_.emplace_back(-score, index);
  }
  if (ranks_.size() > options_.beam_width) {
    const auto end = ranks_.begin() + static_cast<std::ptrdiff_t>(options_.beam_width);
    std::nth_element(ranks_.begin(), end, ranks_.end());
    ranks_.erase(end, ranks_.end());
  }
  std::sort(ranks_.begin(), ranks_.end());
  for (const Entry& entry : beam_) nodes_[static_cast<std::size_t>(entry.node)].slot = kNone;
  beam_.clear();
  for (const auto& [_, index] : ranks_) beam_.push_back(next_[index]);
  for (std::size_t slot = 0; slot < beam_.size(); ++slot) {
    Entry& entry = beam_[slot];
    if (entry.node == kNone) entry.node = make_node(entry);
    nodes_[static_cast<std::size_t>(entry.node)].slot = static_cast<std::int32_t>(slot);
  }
}

// The node of a prefix, which may have been in the beam before: its children still point to it.
std::int32_t Beam::make_node(const Entry& entry) {
  const auto parent = static_cast<std::size_t>(entry.parent);
  for (std::int32_t child = nodes_[parent].first_child; child != kNone;) {
    const Node& node = nodes_[static_cast<std::size_t>(child)];
    if (node.token == entry.token && node.finished_word == entry.move.finished_word) return child;
    child = node.next_sibling;
  }
  const auto index = static_cast<std::int32_t>(nodes_.size());
  nodes_.push_back({entry.parent, entry.token, entry.move.finished_word, kNone,
                    nodes_[parent].first_child, kNone, entry.move.state});
  nodes_[parent].first_child = index;
  return index;
}

std::vector<Beam::Ending> Beam::endings() const {
  std::vector<Ending> result;
  std::vector<WordEnd> ends;
  for (const Entry& entry : beam_) {
    const WordState& words = nodes_[static_cast<std::size_t>(entry.node)].words;
    const double acoustic = log_add(entry.blank, entry.token_end);
    const bool between = words.trie_node == LexiconTrie::kRoot;  // always so without a lexicon
    if (between) {
      result.push_back(
          {entry.node, kNoWord, true, acoustic + words.score + scorer_.end_score(words)});
    }
    scorer_.word_ends(words, ends);
    for (const WordEnd& end : ends) {
      result.push_back(
          {entry.node, end.word, true, acoustic + end.after.score + scorer_.end_score(end.after)});
    }
    if (!between && ends.empty()) {
      result.push_back({entry.node, kNoWord, false, acoustic + words.score});
    }
  }
  // Words cut off by the end of the audio count only where nothing else is left.
  std::stable_sort(result.begin(), result.end(), [](const Ending& a, const Ending& b) {
    return a.complete != b.complete ? a.complete : a.score > b.score;
  });
  return result;
}

Beam::Path Beam::trace(const Ending& ending) const {
  Path path;
  bool in_word = !scorer_.constrains() || ending.last_word != kNoWord;
  if (ending.last_word != kNoWord) path.words.push_back(ending.last_word);
  for (std::int32_t index = ending.node; index != 0;) {
    const Node& node = nodes_[static_cast<std::size_t>(index)];
    const bool separator = scorer_.constrains() && node.token == options_.separator_id;
    path.tokens.push_back(node.token);
    path.word_of_token.push_back(
        in_word && !separator ? static_cast<std::int32_t>(path.words.size()) : kNone);
    if (node.finished_word != kNoWord) {
      path.words.push_back(node.finished_word);
      in_word = true;
    }
    index = node.parent;
  }
  std::reverse(path.tokens.begin(), path.tokens.end());
  std::reverse(path.word_of_token.begin(), path.word_of_token.end());
  std::reverse(path.words.begin(), path.words.end());
  return path;
}

CtcHypothesis Beam::align(const Path& path, double score, const LogProbs& log_probs) const {
  CtcHypothesis hypothesis{{}, path.words, std::vector<std::int64_t>(path.words.size()), score};
  const std::vector<CtcToken> aligned = ctc_align(log_probs, path.tokens, options_.blank_id);
  for (std::size_t i = 0; i < aligned.size(); ++i) {
    if (path.word_of_token[i] == kNone) continue;
    hypothesis.tokens.push_back(aligned[i]);
    if (!scorer_.constrains()) continue;
    const std::size_t from_end = static_cast<std::size_t>(path.word_of_token[i]);
    ++hypothesis.word_lengths[path.words.size() - from_end];
  }
  return hypothesis;
}

std::vector<CtcHypothesis> Beam::hypotheses(const LogProbs& log_probs, std::size_t n_best) const {
  std::vector<CtcHypothesis> result;
  for (const Ending& ending : endings()) {
    if (result.size() == n_best) break;
    const Path path = trace(ending);
    const bool known = scorer_.constrains() &&
                       std::any_of(result.begin(), result.end(), [&](const CtcHypothesis& other) {
                         return other.words == path.words;
                       });
    if (!known) result.push_back(align(path, ending.score, log_probs));
  }
  return result;
}

}  // namespace

// Inner linkage of all that it does lets the compiler inline it.
class CtcBeam : public Beam {
 public:
  explicit CtcBeam(const CtcBeamSearch& search)
      : Beam(search.options_, {search.options_, search.lexicon_.get(), search.language_model_.get(),
                               search.lm_word_ids_, search.word_scores_}) {}
};

CtcBeamSearch::CtcBeamSearch(const CtcBeamOptions& options,
                             std::shared_ptr<const LexiconTrie> lexicon,
                             std::shared_ptr<const NgramModel> language_model,
                             std::vector<std::int32_t> lm_word_ids, std::vector<double> word_scores)
    : options_(options),
      lexicon_(std::move(lexicon)),
      language_model_(std::move(language_model)),
      lm_word_ids_(std::move(lm_word_ids)),
      word_scores_(std::move(word_scores)) {}

std::vector<CtcHypothesis> CtcBeamSearch::decode(const LogProbs& log_probs,
                                                 std::size_t n_best) const {
  CtcBeam beam(*this);
  beam.feed(log_probs);
  return beam.hypotheses(log_probs, n_best);
}

CtcBeamStream::CtcBeamStream(std::shared_ptr<const CtcBeamSearch> search)
    : search_(std::move(search)), beam_(std::make_unique<CtcBeam>(*search_)) {}

CtcBeamStream::~CtcBeamStream() = default;

void CtcBeamStream::feed(const LogProbs& log_probs) {
  log_probs_.append(log_probs);
  beam_->feed(log_probs);
}

std::vector<CtcHypothesis> CtcBeamStream::best(std::size_t n_best) const {
  return beam_->hypotheses(log_probs_, n_best);
}

void CtcBeamStream::reset() {
  log_probs_ = LogProbs();
  beam_ = std::make_unique<CtcBeam>(*search_);
}

}  // namespace edgewright
