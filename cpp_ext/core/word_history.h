// What the prefixes of a beam have said, shared where they began alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/ctc_words.h"

namespace edgewright {

// The frames in which the tokens of a word were heard.
class WordSpan {
 public:
  WordSpan() = default;
  explicit WordSpan(std::size_t start) : start_(static_cast<std::int64_t>(start)) {}

  void add(std::size_t frame, double log_prob);
  CtcWord word(std::string text) const;

 private:
  std::int64_t start_ = 0;
  std::int64_t end_ = 0;
  std::int64_t num_frames_ = 0;  // with a token; in blanks nothing is heard
  double probability_ = 0;       // sum over them
};

// A tree of tokens. A node lives as long as a prefix or another node behind it, so the tree holds
// what the beam still says and no more.
class WordHistory {
 public:
  static constexpr std::int32_t kEmpty = -1;

  struct Step {
    std::int32_t token;
    WordSpan before;  // of the word in front of this token, if one ends here
  };

  // A new node behind `parent`; it belongs to the caller, who releases it.
  std::int32_t append(std::int32_t parent, std::int32_t token, const WordSpan& before);
  void retain(std::int32_t node);
  void release(std::int32_t node);
  std::vector<Step> steps(std::int32_t node) const;  // the first one first
  std::size_t capacity() const { return nodes_.size(); }

 private:
  struct Node {
    Step step;
    std::int32_t parent;
    std::int32_t owners;
  };

  std::vector<Node> nodes_;
  std::vector<std::int32_t> free_;
};

}  // namespace edgewright
