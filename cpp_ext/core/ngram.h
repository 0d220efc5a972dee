// A back-off n-gram model of words, read from an ARPA file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/pair_table.h"

namespace edgewright {

// P(w | c) is the model's value where the n-gram (c, w) is listed, else backoff(c) P(w | c without
// its first word) (Katz, 1987). Every listed n-gram is a node; a state is the node of the longest
// listed end of the history, so that scoring a word takes at most `order` probes.
class NgramModel {
 public:
  static constexpr int kMaxOrder = 5;
  static constexpr std::int32_t kEmpty = 0;  // the state without history

  struct Step {
    double log_prob;  // natural logarithm
    std::int32_t state;
  };

  // Throws std::invalid_argument, with the number of the line, where the file breaks the format.
  explicit NgramModel(std::string_view arpa);

  int order() const { return order_; }
  std::int32_t begin_state() const { return begin_state_; }  // after <s>
  // The id of a word; that of <unk> where the model does not list it, or -1 without <unk>.
  std::int32_t word_id(const std::string& word) const;
  std::int32_t unknown_id() const { return unknown_id_; }  // of <unk>; -1 without it
  const std::unordered_map<std::string, std::int32_t>& word_ids() const { return word_ids_; }
  Step score(std::int32_t state, std::int32_t word) const;
  double end_log_prob(std::int32_t state) const;  // of </s>; 0 where the model has none

 private:
  struct Node {
    float log_prob;  // natural
    float backoff;
    std::int32_t suffix;  // the node without its first word
    std::int32_t order;
  };

  friend class ArpaReader;

  std::int32_t longest_end(std::int32_t state, std::int32_t word) const;

  int order_ = 0;
  std::int32_t begin_state_ = kEmpty;
  std::int32_t unknown_id_ = -1;
  std::int32_t end_id_ = -1;
  std::unordered_map<std::string, std::int32_t> word_ids_;
  std::vector<Node> nodes_;
  PairTable children_;
};

}  // namespace edgewright
