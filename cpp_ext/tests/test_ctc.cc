#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/ctc_alignment.h"
#include "core/ctc_beam.h"
#include "core/ctc_greedy.h"
#include "core/ctc_words.h"
#include "core/lexicon_trie.h"
#include "core/ngram.h"
#include "core/word_history.h"
#include "tests/check.h"

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
  test_history_holds_what_is_owned();
  test_ngram();
  test_damaged_models_are_refused();
  return exit_code();
}
