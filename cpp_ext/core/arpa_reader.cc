#include "core/arpa_reader.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>

namespace edgewright {
namespace {

constexpr double kLn10 = 2.302585092994046;
constexpr std::size_t kShownCharacters = 40;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Without `find_first_of`, with which reading takes half as long again.
void split(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  std::size_t start = 0;
  for (std::size_t end = 0; end <= line.size(); ++end) {
    if (end < line.size() && !is_blank(line[end])) continue;
    if (end > start) fields.push_back(line.substr(start, end - start));
    start = end + 1;
  }
}

}  // namespace

void ArpaReader::fail(const std::string& got, const std::string& expected) const {
  throw std::invalid_argument("line " + std::to_string(line_number_) + ": got " + got +
                              ", expected " + expected);
}

bool ArpaReader::next_line() {
  while (position_ < text_.size()) {
    const std::size_t end = std::min(text_.find('\n', position_), text_.size());
    line_ = text_.substr(position_, end - position_);
    position_ = end + 1;
    ++line_number_;
    split(line_, fields_);
    if (!fields_.empty()) return true;
  }
  ++line_number_;
  line_ = {};
  fields_.clear();
  return false;
}

void ArpaReader::read() {
  while (next_line() && fields_[0] != "\\data\\") continue;  // a comment may stand above
  if (fields_.empty()) fail("the end of the file", "a line \\data\\");
  read_counts();
  model_.order_ = static_cast<int>(counts_.size());
  for (int order = 1; order <= model_.order_; ++order) read_section(order);
  if (fields_.empty() || fields_[0] != "\\end\\") {
    fail(fields_.empty() ? "the end of the file" : "more n-grams", "a line \\end\\");
  }
}

void ArpaReader::read_counts() {
  while (next_line() && fields_[0] == "ngram") {
    const std::size_t order = counts_.size() + 1;
    std::string field;  // "ngram 1=20" and "ngram 1 = 20" are both about
    for (std::size_t i = 1; i < fields_.size(); ++i) field += fields_[i];
    const std::string start = std::to_string(order) + "=";
    const bool digits = field.size() > start.size() && field.size() - start.size() <= 18 &&
                        field.find_first_not_of("0123456789", start.size()) == std::string::npos;
    if (field.compare(0, start.size(), start) != 0 || !digits) {
      fail("'" + field.substr(0, kShownCharacters) + "'", "'" + start + "COUNT'");
    }
    if (order > NgramModel::kMaxOrder) {
      fail("order " + std::to_string(order), "order 1 to " + std::to_string(NgramModel::kMaxOrder));
    }
    counts_.push_back(std::strtoull(field.c_str() + start.size(), nullptr, 10));
  }
  if (counts_.empty()) fail("no counts", "a line 'ngram 1=COUNT'");
}

void ArpaReader::read_section(int order) {
  const std::string title = "\\" + std::to_string(order) + "-grams:";
  if (fields_.empty() || fields_[0] != title) {
    fail(fields_.empty() ? "the end of the file"
                         : "'" + std::string(fields_[0].substr(0, kShownCharacters)) + "'",
         "a line " + title);
  }
  std::size_t count = 0;
  // A word may begin with a backslash, the number before it not.
  while (next_line() && fields_[0][0] != '\\') {
    add_ngram(order);
    ++count;
  }
  const std::size_t announced = counts_[static_cast<std::size_t>(order) - 1];
  if (count != announced) {
    fail(std::to_string(count) + " n-grams of order " + std::to_string(order),
         std::to_string(announced) + " as the header says");
  }
}

void ArpaReader::add_ngram(int order) {
  const auto size = static_cast<std::size_t>(order);
  if (fields_.size() != size + 1 && fields_.size() != size + 2) {
    fail(std::to_string(fields_.size()) + " fields",
         "a probability, " + std::to_string(order) + " words and perhaps a back-off");
  }
  const float log_prob = number(fields_[0], true);
  const float backoff = fields_.size() == size + 2 ? number(fields_[size + 1], false) : 0;
  std::int32_t context = NgramModel::kEmpty;
  for (std::size_t i = 1; i < size; ++i) {
    const auto word = model_.word_ids_.find(std::string(fields_[i]));
    context = word == model_.word_ids_.end() ? PairTable::kMissing
                                             : model_.children_.find(context, word->second);
    if (context == PairTable::kMissing) {
      fail("an n-gram whose first words are not listed", "them in the sections above");
    }
  }
  const std::int32_t word = add_word(fields_[size]);
  if (order > 1 && model_.children_.find(NgramModel::kEmpty, word) == PairTable::kMissing) {
    fail("a word without a 1-gram", "it among the 1-grams");
  }
  if (model_.children_.find(context, word) != PairTable::kMissing) {
    fail("an n-gram for the second time", "it once");
  }
  if (model_.nodes_.size() >= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    fail("too many n-grams", "at most 2^31");
  }
  const auto node = static_cast<std::int32_t>(model_.nodes_.size());
  const std::int32_t suffix =
      order == 1
          ? NgramModel::kEmpty
          : model_.longest_end(model_.nodes_[static_cast<std::size_t>(context)].suffix, word);
  model_.nodes_.push_back({log_prob, backoff, suffix, order});
  model_.children_.insert(context, word, node);
}

std::int32_t ArpaReader::add_word(std::string_view word) {
  const auto next = static_cast<std::int32_t>(model_.word_ids_.size());
  return model_.word_ids_.emplace(word, next).first->second;
}

float ArpaReader::number(std::string_view field, bool probability) const {
  const std::string text(field);  // strtod needs an end
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  // e^(ln 10 * 1e6) is far beyond any model, and sums of such values stay finite.
  if (end != text.c_str() + text.size() || !(std::abs(value) <= 1e6)) {
    fail("'" + text.substr(0, kShownCharacters) + "'", "a finite base-10 logarithm");
  }
  if (probability && value > 0) {
    fail("a probability above 1", "its base-10 logarithm, 0 or below");
  }
  return static_cast<float>(value * kLn10);
}

}  // namespace edgewright
