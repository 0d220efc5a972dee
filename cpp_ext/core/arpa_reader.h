// Reads the ARPA format of n-gram models (Stolcke, 2002; SRILM's manual page ngram-format).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/ngram.h"

namespace edgewright {

// Fills a model that holds only its empty node. Trusts nothing: the counts of the header size no
// memory, numbers must be finite, probabilities at most 1, and contexts listed before their use.
class ArpaReader {
 public:
  ArpaReader(std::string_view text, NgramModel& model) : text_(text), model_(model) {}

  void read();  // throws std::invalid_argument

 private:
  bool next_line();  // the next line that is not blank, cut into fields
  void read_counts();
  void read_section(int order);
  void add_ngram(int order);
  std::int32_t add_word(std::string_view word);
  float number(std::string_view field, bool probability) const;
  [[noreturn]] void fail(const std::string& got, const std::string& expected) const;

  std::string_view text_;
  NgramModel& model_;
  std::size_t position_ = 0;
  std::size_t line_number_ = 0;
  std::string_view line_;
  std::vector<std::string_view> fields_;
  std::vector<std::size_t> counts_;  // of orders 1, 2, ...
};

}  // namespace edgewright
