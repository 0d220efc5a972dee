#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "core/ctc_alignment.h"
#include "core/ctc_beam.h"
#include "core/ctc_greedy.h"
#include "core/ctc_words.h"
#include "core/lexicon_trie.h"
#include "core/ngram.h"
#include "core/word_history.h"
#include "tests/check.h"

namespace edgewright {  // where vectors look for it

bool operator==(const CtcToken& a, const CtcToken& b) {
  return std::tie(a.token_id, a.start, a.end, a.confidence) ==
         std::tie(b.token_id, b.start, b.end, b.confidence);
}

bool operator==(const CtcHypothesis& a, const CtcHypothesis& b) {
  return std::tie(a.tokens, a.words, a.word_lengths, a.score) ==
         std::tie(b.tokens, b.words, b.word_lengths, b.score);
}

bool operator==(const CtcWord& a, const CtcWord& b) {
  return std::tie(a.text, a.start, a.end, a.confidence) ==
         std::tie(b.text, b.start, b.end, b.confidence);
}

bool operator==(const CtcSentence& a, const CtcSentence& b) {
  return std::tie(a.words, a.log_prob, a.score) == std::tie(b.words, b.log_prob, b.score);
}

}  // namespace edgewright

using namespace edgewright;

namespace {

// Three frames over blank, a, b.
const std::vector<float> kLogits{std::log(0.2f), std::log(0.7f), std::log(0.1f),  //
                                 std::log(0.6f), std::log(0.3f), std::log(0.1f),  //
                                 std::log(0.1f), std::log(0.7f), std::log(0.2f)};

const std::string kArpa =
    "\\data\\\nngram 1=4\nngram 2=2\n\n\\1-grams:\n-1 <s> -0.5\n-1 </s>\n-0.5 a -0.25\n-2 <unk>\n\n"
    "\\2-grams:\n-0.1 <s> a\n-0.2 a </s>\n\n\\end\\\n";

void test_greedy() {
  const std::vector<CtcToken> tokens = ctc_greedy_decode(kLogits.data(), 3, 3, 0);
  CHECK(tokens.size() == 2 && tokens[0].token_id == 1 && tokens[1].token_id == 1);
  CHECK(tokens[0].start == 0 && tokens[0].end == 1 && tokens[1].start == 2 && tokens[1].end == 3);
  CHECK(std::abs(tokens[0].confidence - 0.7f) < 1e-6f);
}

void test_best_tokens() {
  // Short rows stand in lanes, long ones fill vectors of their own.
  for (const std::size_t vocabulary :
       {1u, 2u, 15u, 29u, 159u, 160u, 161u, 175u, 192u, 193u, 1000u}) {
    for (const std::size_t frames : {1u, 15u, 16u, 33u}) {
      std::vector<float> logits(frames * vocabulary);
      unsigned state = 3;
      for (float& value : logits) {
        state = state * 1664525u + 1013904223u;
        value = static_cast<float>(state >> 28);  // many ties
      }
      const std::vector<std::int32_t> best = best_tokens(logits.data(), frames, vocabulary);
      for (std::size_t t = 0; t < frames; ++t) {
        const auto row = logits.begin() + static_cast<std::ptrdiff_t>(t * vocabulary);
        const auto largest = std::max_element(row, row + static_cast<std::ptrdiff_t>(vocabulary));
        CHECK(best[t] == largest - row);
      }
      for (std::size_t behind = 1; behind <= vocabulary; behind += 1 + vocabulary / 9) {
        std::vector<float> damaged = logits;
        damaged[damaged.size() - behind] = std::numeric_limits<float>::quiet_NaN();
        CHECK(refuses([&] { best_tokens(damaged.data(), frames, vocabulary); }, "got NaN"));
      }
      std::fill(logits.begin(), logits.end(), -std::numeric_limits<float>::infinity());
      CHECK(refuses([&] { best_tokens(logits.data(), frames, vocabulary); }, "frame 0"));
      logits.assign(logits.size(), 0.0f);
      logits.front() = std::numeric_limits<float>::infinity();
      CHECK(refuses([&] { best_tokens(logits.data(), frames, vocabulary); }, "frame 0"));
    }
  }
}

void test_alignment() {
  const LogProbs log_probs(kLogits.data(), 3, 3);
  const std::vector<CtcToken> one = ctc_align(log_probs, {1}, 0);
  CHECK(one.size() == 1 && one[0].start == 0 && one[0].end == 3);
  CHECK(refuses([&] { ctc_align(log_probs, {1, 1, 1}, 0); }, "got more than fit"));
  CHECK(ctc_align(log_probs, {}, 0).empty());
}

void test_beam_sums_alignments() {
  CtcBeamOptions options;
  options.token_threshold = options.beam_threshold = std::numeric_limits<double>::infinity();
  options.token_threshold = -options.token_threshold;
  const CtcBeamSearch search(options, nullptr, nullptr, {}, {});
  const auto found = search.decode(LogProbs(kLogits.data(), 3, 3), 100);
  double sum = 0;
  for (const CtcHypothesis& hypothesis : found) sum += std::exp(hypothesis.score);
  CHECK(std::abs(sum - 1) < 1e-6);
  CHECK(search.decode(LogProbs(nullptr, 0, 3), 5).size() == 1);
}

void test_words() {
  const auto lexicon = std::make_shared<LexiconTrie>(std::vector<std::int32_t>{1, 1, 2},
                                                     std::vector<std::int64_t>{0, 1, 3},
                                                     std::vector<std::int32_t>{0, 1});
  CHECK(lexicon->child(LexiconTrie::kRoot, 2) == LexiconTrie::kMissing);
  CtcBeamOptions options;
  const LogProbs log_probs(kLogits.data(), 3, 3);
  // P(a) = 0.342 and P(a a) = 0.294, before a bonus of e a word.
  const auto one = CtcBeamSearch(options, lexicon, nullptr, {}, {}).decode(log_probs, 1);
  CHECK(one.size() == 1 && (one[0].words == std::vector<std::int32_t>{0}));
  CHECK(std::abs(std::exp(one[0].score) - 0.342) < 1e-6);
  options.word_bonus = 1;
  const auto two = CtcBeamSearch(options, lexicon, nullptr, {}, {}).decode(log_probs, 1);
  CHECK(two.size() == 1 && (two[0].words == std::vector<std::int32_t>{0, 0}));
  CHECK(refuses([] { LexiconTrie({1}, {0, 0, 1}, {0, 1}); }, "got an empty one"));
}

void test_spelled_words() {
  const auto inside = CtcPiece::Kind::kInside;
  const std::vector<CtcPiece> pieces{{"", CtcPiece::Kind::kNever}, {"a", inside}, {"b", inside}};
  CtcWordOptions options;
  options.token_threshold = -std::numeric_limits<double>::infinity();
  options.beam_threshold = std::numeric_limits<double>::infinity();
  const CtcWordSearch search(options, pieces, nullptr, {});
  const auto found = search.decode(LogProbs(kLogits.data(), 3, 3), 100);
  double sum = 0;
  for (const CtcSentence& sentence : found) sum += std::exp(sentence.log_prob);
  CHECK(std::abs(sum - 1) < 1e-6);
  CHECK(found[0].words.size() == 1 && found[0].words[0].text == "a");
  CHECK(found[0].words[0].start == 0 && found[0].words[0].end == 3);
  const CtcWordSearch hot(options, pieces, std::make_shared<NgramModel>(kArpa), {{"aa", 20.0}});
  CHECK(hot.decode(LogProbs(kLogits.data(), 3, 3), 1)[0].words[0].text == "aa");
  CHECK(refuses([&] { search.decode(LogProbs(kLogits.data(), 1, 2), 1); }, "another vocabulary"));
}

// Random frames over blank, a, b, with many ties.
std::vector<float> random_logits(std::size_t num_frames) {
  std::vector<float> logits(num_frames * 3);
  unsigned state = 7;
  for (float& value : logits) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 29);
  }
  return logits;
}

// Feeds pieces of several sizes, twice, and compares what was found so far with the whole.
template <typename Stream, typename Search>
void check_stream(Stream& stream, const Search& search) {
  constexpr std::size_t kFrames = 40;
  const std::vector<float> logits = random_logits(kFrames);
  for (const std::size_t size : {1u, 7u, 40u}) {
    CHECK(stream.best(3) == search.decode(LogProbs(nullptr, 0, 3), 3));
    for (std::size_t start = 0; start < kFrames; start += size) {
      const std::size_t end = std::min(start + size, kFrames);
      stream.feed(LogProbs(logits.data() + start * 3, end - start, 3));
      const auto whole = search.decode(LogProbs(logits.data(), end, 3), 3);
      CHECK(stream.best(3) == whole);
      CHECK(stream.best(3) == whole);
    }
    CHECK(refuses([&] { stream.feed(LogProbs(logits.data(), 2, 2)); }, "another vocabulary"));
    CHECK(stream.best(3) == search.decode(LogProbs(logits.data(), kFrames, 3), 3));
    stream.reset();
  }
}

void test_streams_are_the_whole() {
  const auto lexicon = std::make_shared<LexiconTrie>(std::vector<std::int32_t>{1, 1, 2},
                                                     std::vector<std::int64_t>{0, 1, 3},
                                                     std::vector<std::int32_t>{0, 1});
  const auto model = std::make_shared<NgramModel>(kArpa);
  CtcBeamOptions options;
  options.beam_width = 8;
  const auto free = std::make_shared<CtcBeamSearch>(
      options, nullptr, nullptr, std::vector<std::int32_t>{}, std::vector<double>{});
  CtcBeamStream tokens(free);
  check_stream(tokens, *free);
  options.lm_weight = 0.5;
  const auto constrained = std::make_shared<CtcBeamSearch>(
      options, lexicon, model, std::vector<std::int32_t>{model->word_id("a"), model->word_id("ab")},
      std::vector<double>{0.0, 1.0});
  CtcBeamStream words(constrained);
  check_stream(words, *constrained);
  const auto inside = CtcPiece::Kind::kInside;
  const auto spelled = std::make_shared<CtcWordSearch>(
      CtcWordOptions(),
      std::vector<CtcPiece>{{"", CtcPiece::Kind::kNever}, {"a", inside}, {"b", inside}}, model,
      Hotwords{{"aa", 2.0}});
  CtcWordStream sentences(spelled);
  check_stream(sentences, *spelled);
}

void test_greedy_stream() {
  const std::vector<float> logits = random_logits(40);
  CtcGreedyStream stream(0);
  for (std::size_t frame = 0; frame < 40; ++frame) {
    stream.feed(logits.data() + frame * 3, 1, 3);
    CHECK(stream.best() == ctc_greedy_decode(logits.data(), frame + 1, 3, 0));
  }
  const std::vector<float> damaged{0, 1, 0, std::numeric_limits<float>::quiet_NaN(), 0, 0};
  CHECK(refuses([&] { stream.feed(damaged.data(), 2, 3); }, "frame 1"));
  CHECK(stream.best() == ctc_greedy_decode(logits.data(), 40, 3, 0));
  stream.reset();
  CHECK(stream.best().empty());
}

void test_appended_log_probs() {
  LogProbs whole(kLogits.data(), 1, 3);
  whole.append(LogProbs(kLogits.data() + 3, 0, 3));
  whole.append(LogProbs(kLogits.data() + 3, 2, 3));
  const LogProbs expected(kLogits.data(), 3, 3);
  CHECK(whole.num_frames() == 3);
  for (std::size_t frame = 0; frame < 3; ++frame) {
    CHECK(whole.frame(frame).best_token() == expected.frame(frame).best_token());
    for (std::size_t i = 0; i < 3; ++i) CHECK(whole.at(frame, i) == expected.at(frame, i));
  }
}

void test_history_holds_what_is_owned() {
  WordHistory history;
  for (std::int32_t round = 0; round < 1000; ++round) {
    std::int32_t end = WordHistory::kEmpty;
    for (std::int32_t token = 0; token < 3; ++token) {
      const std::int32_t next = history.append(end, token, {});
      history.release(end);
      end = next;
    }
    CHECK(history.steps(end).size() == 3 && history.steps(end)[2].token == 2);
    history.release(end);
  }
  CHECK(history.capacity() == 3);
}

void test_ngram() {
  const NgramModel model(kArpa);
  const NgramModel::Step step = model.score(model.begin_state(), model.word_id("a"));
  CHECK(std::abs(step.log_prob / std::log(10.0) + 0.1) < 1e-6);
  CHECK(std::abs(model.end_log_prob(step.state) / std::log(10.0) + 0.2) < 1e-6);
  const NgramModel::Step unknown = model.score(step.state, model.word_id("zebra"));
  CHECK(std::abs(unknown.log_prob / std::log(10.0) + 2.25) < 1e-6);
}

void test_damaged_models_are_refused() {
  for (std::size_t length = 0; length < kArpa.size() - 1; ++length) {
    if (kArpa.substr(0, length).find("\\end\\") != std::string::npos) continue;
    CHECK(refuses([&] { NgramModel model(kArpa.substr(0, length)); }, "line "));
  }
}

}  // namespace

int main() {
  test_greedy();
  test_best_tokens();
  test_alignment();
  test_beam_sums_alignments();
  test_words();
  test_spelled_words();
  test_streams_are_the_whole();
  test_greedy_stream();
  test_appended_log_probs();
  test_history_holds_what_is_owned();
  test_ngram();
  test_damaged_models_are_refused();
  return exit_code();
}
