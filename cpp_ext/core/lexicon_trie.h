// The spellings of a lexicon as a tree of tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/pair_table.h"

namespace edgewright {

class LexiconTrie {
 public:
  static constexpr std::int32_t kRoot = 0;
  static constexpr std::int32_t kMissing = PairTable::kMissing;

  // Spelling i is token_ids[offsets[i]] ... token_ids[offsets[i + 1] - 1] and spells word
  // word_ids[i]. Throws std::invalid_argument where a spelling is empty or a token negative.
  LexiconTrie(const std::vector<std::int32_t>& token_ids, const std::vector<std::int64_t>& offsets,
              const std::vector<std::int32_t>& word_ids);

  std::int32_t child(std::int32_t node, std::int32_t token) const {
    return children_.find(node, token);
  }
  // The words that end at a node, as a range in the order of the lexicon.
  std::pair<const std::int32_t*, const std::int32_t*> words(std::int32_t node) const {
    const auto index = static_cast<std::size_t>(node);
    return {words_.data() + first_word_[index], words_.data() + first_word_[index + 1]};
  }

 private:
  std::int32_t add(const std::int32_t* begin, const std::int32_t* end);

  PairTable children_;
  std::int32_t num_nodes_ = 1;
  std::vector<std::int32_t> words_;
  std::vector<std::size_t> first_word_;  // of node n in words_; one more at the end
};

}  // namespace edgewright
