#include "core/ctc_words.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "core/word_history.h"

namespace edgewright {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();
constexpr std::int32_t kBlank = -1;        // the last token of paths that end in a blank
constexpr std::int32_t kStart = -2;        // and of the empty path
constexpr std::int32_t kUsualLetters = 6;  // longer unknown words cost more, in proportion
const double kLn10 = std::log(10.0);

std::uint64_t extend(std::uint64_t fingerprint, char letter) {
  fingerprint = (fingerprint ^ static_cast<unsigned char>(letter)) * 0x9E3779B97F4A7C15u;
  return fingerprint ^ fingerprint >> 32;
}

std::uint64_t extend(std::uint64_t fingerprint, const std::string& text) {
  for (const char letter : text) fingerprint = extend(fingerprint, letter);
  return fingerprint;
}

// The words of a prefix that have ended, and what they score.
struct Sentence {
  std::int32_t model_state = NgramModel::kEmpty;
  double score = 0;
};

// The word at the end of a prefix that has not ended yet.
struct Fragment {
  std::int32_t place = KnownWords::kRoot;
  std::int32_t letters = 0;
  double score = 0;
};

// A text and the last token of its paths.
struct Entry {
  std::uint64_t text = 0;  // fingerprint
  std::int32_t last = kStart;
  std::int32_t history = WordHistory::kEmpty;
  double log_prob = 0;
  Sentence ended;
  Fragment fragment;
  WordSpan span;  // of the fragment
};

// An entry of the next frame: its parent, and the token that it adds, or none.
struct Candidate {
  std::uint64_t text;
  std::int32_t last;
  std::int32_t parent;
  bool extends;
  double log_prob;
  double word_score;
  double best_path;  // the more probable of the paths that met here gives the times
  double score;
};

// The candidates of a frame by text and last token.
class CandidateTable {
 public:
  void start(std::size_t capacity) {
    std::size_t size = 64;
    while (size < 2 * capacity) size *= 2;
    if (size > slots_.size()) slots_.assign(size, {});
    ++frame_;
  }

  // The index of the candidate that is there, or `index`, which then is.
  std::int32_t find_or_add(std::uint64_t text, std::int32_t last, std::int32_t index) {
    const std::uint64_t key = (text ^ static_cast<std::uint32_t>(last)) * 0x9E3779B97F4A7C15u;
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t place = static_cast<std::size_t>(key >> 32) & mask;;
         place = (place + 1) & mask) {
      Slot& slot = slots_[place];
      if (slot.frame != frame_) {
        slot = {text, frame_, last, index};
        return index;
      }
      if (slot.text == text && slot.last == last) return slot.index;
    }
  }

 private:
  struct Slot {
    std::uint64_t text = 0;
    std::uint64_t frame = 0;
    std::int32_t last = 0;
    std::int32_t index = 0;
  };

  std::vector<Slot> slots_;
  std::uint64_t frame_ = 0;
};

}  // namespace

class CtcWordBeam {
 public:
  explicit CtcWordBeam(const CtcWordSearch& search) : search_(search), options_(search.options_) {
    Entry root;
    if (search.model_ != nullptr) root.ended.model_state = search.model_->begin_state();
    beam_.push_back(root);
  }

  void feed(const LogProbs& log_probs);
  std::vector<CtcSentence> sentences(std::size_t n_best);

 private:
  void step(const FrameLogProbs& frame);
  void choose_tokens(const FrameLogProbs& frame);
  void end_words();
  void propose(std::size_t parent, std::int32_t token, double log_prob);
  void add(const Candidate& candidate);
  void keep_best();
  Entry make_entry(const Candidate& candidate, const FrameLogProbs& frame);
  void append(Entry& entry, std::size_t parent);
  Sentence end_word(const Entry& entry) const;
  Fragment grow(const Fragment& fragment, std::size_t token) const;
  double fragment_score(const Fragment& fragment) const;
  std::vector<CtcWord> spell(const Entry& entry) const;

  const CtcPiece& piece(std::int32_t token) const {
    return search_.pieces_[static_cast<std::size_t>(token)];
  }

  const CtcWordSearch& search_;
  const CtcWordOptions& options_;
  std::size_t num_frames_ = 0;
  std::vector<std::int32_t> tokens_;  // that are tried, in the order of their index
  std::vector<Entry> beam_;           // best first
  std::vector<Entry> next_;
  std::vector<Sentence> ended_;  // of each entry of the beam, with its last word
  std::vector<Candidate> candidates_;
  CandidateTable table_;
  WordHistory histories_;
};

void CtcWordBeam::feed(const LogProbs& log_probs) {
  if (log_probs.vocabulary() != search_.vocabulary()) {
    throw std::invalid_argument("logits: got another vocabulary, expected one entry a piece");
  }
  for (std::size_t i = 0; i < log_probs.num_frames(); ++i, ++num_frames_) step(log_probs.frame(i));
}

void CtcWordBeam::step(const FrameLogProbs& frame) {
  choose_tokens(frame);
  end_words();
  candidates_.clear();
  table_.start(beam_.size() * tokens_.size());
  for (const std::int32_t token : tokens_) {
    const double log_prob = frame.at(static_cast<std::size_t>(token));
    for (std::size_t parent = 0; parent < beam_.size(); ++parent) propose(parent, token, log_prob);
  }
  keep_best();
  next_.clear();
  for (const Candidate& candidate : candidates_) next_.push_back(make_entry(candidate, frame));
  for (const Entry& entry : beam_) histories_.release(entry.history);
  beam_.swap(next_);
}

void CtcWordBeam::choose_tokens(const FrameLogProbs& frame) {
  tokens_.clear();
  for (std::size_t token = 0; token < frame.vocabulary(); ++token) {
    if (search_.pieces_[token].kind == CtcPiece::Kind::kNever && token != options_.blank_id) {
      continue;
    }
    if (token == frame.best_token() || frame.at(token) >= options_.token_threshold) {
      tokens_.push_back(static_cast<std::int32_t>(token));
    }
  }
  // A frame whose best token is no text is passed over like a blank.
  if (tokens_.empty()) tokens_.push_back(static_cast<std::int32_t>(options_.blank_id));
}

void CtcWordBeam::end_words() {
  ended_.clear();
  for (const Entry& entry : beam_) ended_.push_back(end_word(entry));
}

void CtcWordBeam::propose(std::size_t parent, std::int32_t token, double log_prob) {
  const Entry& entry = beam_[parent];
  const bool blank = static_cast<std::size_t>(token) == options_.blank_id;
  Candidate candidate{entry.text,
                      blank ? kBlank : token,
                      static_cast<std::int32_t>(parent),
                      !blank && entry.last != token,
                      entry.log_prob + log_prob,
                      entry.ended.score + entry.fragment.score,
                      entry.log_prob + log_prob,
                      0};
  if (candidate.extends) {
    const CtcPiece& added = piece(token);
    const bool ends = added.kind != CtcPiece::Kind::kInside;
    if (ends && entry.fragment.letters > 0) candidate.text = extend(candidate.text, ' ');
    candidate.text = extend(candidate.text, added.text);
    candidate.word_score =
        ends ? ended_[parent].score + grow({}, static_cast<std::size_t>(token)).score
             : entry.ended.score + grow(entry.fragment, static_cast<std::size_t>(token)).score;
  }
  add(candidate);
}

void CtcWordBeam::add(const Candidate& candidate) {
  const auto index = static_cast<std::int32_t>(candidates_.size());
  const std::int32_t found = table_.find_or_add(candidate.text, candidate.last, index);
  if (found == index) {
    candidates_.push_back(candidate);
    return;
  }
  Candidate& known = candidates_[static_cast<std::size_t>(found)];
  known.log_prob = log_add(known.log_prob, candidate.log_prob);
  if (candidate.best_path > known.best_path) {
    known.best_path = candidate.best_path;
    known.parent = candidate.parent;
    known.extends = candidate.extends;
  }
}

// Keeps the best candidates; of equal ones those that were found first.
void CtcWordBeam::keep_best() {
  double best = kImpossible;
  for (Candidate& candidate : candidates_) {
    candidate.score = candidate.log_prob + candidate.word_score;
    best = std::max(best, candidate.score);
  }
  const double least = best - options_.beam_threshold;
  candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                   [least](const Candidate& c) { return c.score < least; }),
                    candidates_.end());
  std::stable_sort(candidates_.begin(), candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  if (candidates_.size() > options_.beam_width) candidates_.resize(options_.beam_width);
}

Entry CtcWordBeam::make_entry(const Candidate& candidate, const FrameLogProbs& frame) {
  const auto parent = static_cast<std::size_t>(candidate.parent);
  Entry entry = beam_[parent];
  entry.text = candidate.text;
  entry.last = candidate.last;
  entry.log_prob = candidate.log_prob;
  if (candidate.extends) {
    append(entry, parent);
  } else {
    histories_.retain(entry.history);
  }
  if (candidate.last != kBlank && entry.fragment.letters > 0) {
    entry.span.add(num_frames_, frame.at(static_cast<std::size_t>(candidate.last)));
  }
  return entry;
}

// Adds the last token of `entry`, which so far is its parent, to its words.
void CtcWordBeam::append(Entry& entry, std::size_t parent) {
  const bool ends = piece(entry.last).kind != CtcPiece::Kind::kInside;
  if (ends) entry.ended = ended_[parent];
  entry.history = histories_.append(entry.history, entry.last, entry.span);
  if (ends) {
    entry.fragment = {};
    entry.span = {};
  }
  if (entry.fragment.letters == 0) entry.span = WordSpan(num_frames_);
  entry.fragment = grow(entry.fragment, static_cast<std::size_t>(entry.last));
}

Sentence CtcWordBeam::end_word(const Entry& entry) const {
  Sentence sentence = entry.ended;
  if (entry.fragment.letters == 0) return sentence;
  const KnownWords& known = search_.known_words_;
  sentence.score += known.hotword_score(entry.fragment.place);
  if (search_.model_ == nullptr) return sentence;
  const std::int32_t id = known.model_id(entry.fragment.place);
  const bool listed = id >= 0;
  const NgramModel::Step step =
      search_.model_->score(sentence.model_state, listed ? id : search_.model_->unknown_id());
  const double log_prob = step.log_prob + (listed ? 0.0 : kLn10 * options_.unknown_offset);
  sentence.score += options_.lm_weight * log_prob + options_.word_bonus;
  sentence.model_state = step.state;
  return sentence;
}

Fragment CtcWordBeam::grow(const Fragment& fragment, std::size_t token) const {
  Fragment grown = fragment;
  grown.letters += search_.piece_letters_[token];
  if (!search_.scores_words_) return grown;
  grown.place = search_.known_words_.walk(fragment.place, search_.pieces_[token].text);
  grown.score = fragment_score(grown);
  return grown;
}

double CtcWordBeam::fragment_score(const Fragment& fragment) const {
  if (fragment.letters == 0) return 0;
  const KnownWords& known = search_.known_words_;
  if (known.begins_hotword(fragment.place)) {
    return known.hotword_rate(fragment.place) * fragment.letters;
  }
  if (search_.model_ == nullptr || known.begins_model_word(fragment.place)) return 0;
  return options_.unknown_offset * std::max(kUsualLetters, fragment.letters) / kUsualLetters;
}

// The beam when the last words have ended: paths of one text count together.
std::vector<CtcSentence> CtcWordBeam::sentences(std::size_t n_best) {
  candidates_.clear();
  table_.start(beam_.size());
  for (std::size_t index = 0; index < beam_.size(); ++index) {
    const Entry& entry = beam_[index];
    const Sentence whole = end_word(entry);
    const double end = search_.model_ == nullptr
                           ? 0
                           : options_.lm_weight * search_.model_->end_log_prob(whole.model_state);
    // A space at the end makes no other text.
    const std::uint64_t text = entry.fragment.letters > 0 ? extend(entry.text, ' ') : entry.text;
    add({text, kBlank, static_cast<std::int32_t>(index), false, entry.log_prob, whole.score + end,
         entry.log_prob, 0});
  }
  keep_best();
  std::vector<CtcSentence> found;
  for (const Candidate& candidate : candidates_) {
    if (found.size() == n_best) break;
    const Entry& entry = beam_[static_cast<std::size_t>(candidate.parent)];
    found.push_back({spell(entry), candidate.log_prob, candidate.score});
  }
  return found;
}

std::vector<CtcWord> CtcWordBeam::spell(const Entry& entry) const {
  std::vector<CtcWord> words;
  std::string text;
  for (const WordHistory::Step& step : histories_.steps(entry.history)) {
    const CtcPiece& added = piece(step.token);
    if (added.kind != CtcPiece::Kind::kInside && !text.empty()) {
      words.push_back(step.before.word(std::move(text)));
      text.clear();
    }
    text += added.text;
  }
  if (!text.empty()) words.push_back(entry.span.word(std::move(text)));
  return words;
}

CtcWordSearch::CtcWordSearch(const CtcWordOptions& options, std::vector<CtcPiece> pieces,
                             std::shared_ptr<const NgramModel> model, const Hotwords& hotwords)
    : options_(options),
      pieces_(std::move(pieces)),
      model_(std::move(model)),
      known_words_(model_.get(), hotwords),
      scores_words_(model_ != nullptr || !hotwords.empty()) {
  if (options_.blank_id >= pieces_.size()) {
    throw std::invalid_argument("blank_id: got a token outside the vocabulary");
  }
  for (const CtcPiece& piece : pieces_) piece_letters_.push_back(count_letters(piece.text));
}

std::vector<CtcSentence> CtcWordSearch::decode(const LogProbs& log_probs,
                                               std::size_t n_best) const {
  CtcWordBeam beam(*this);
  beam.feed(log_probs);
  return beam.sentences(n_best);
}

CtcWordStream::CtcWordStream(std::shared_ptr<const CtcWordSearch> search)
    : search_(std::move(search)), beam_(std::make_unique<CtcWordBeam>(*search_)) {}

CtcWordStream::~CtcWordStream() = default;

void CtcWordStream::feed(const LogProbs& log_probs) { beam_->feed(log_probs); }

std::vector<CtcSentence> CtcWordStream::best(std::size_t n_best) {
  return beam_->sentences(n_best);
}

void CtcWordStream::reset() { beam_ = std::make_unique<CtcWordBeam>(*search_); }

}  // namespace edgewright
