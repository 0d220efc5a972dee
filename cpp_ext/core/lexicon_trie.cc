#include "core/lexicon_trie.h"

#include <algorithm>
#include <stdexcept>

namespace edgewright {

LexiconTrie::LexiconTrie(const std::vector<std::int32_t>& token_ids,
                         const std::vector<std::int64_t>& offsets,
                         const std::vector<std::int32_t>& word_ids) {
  if (offsets.size() != word_ids.size() + 1 || offsets.front() != 0 ||
      offsets.back() != static_cast<std::int64_t>(token_ids.size())) {
    throw std::invalid_argument("offsets: got another number, expected one more than words");
  }
  std::vector<std::pair<std::int32_t, std::int32_t>> ends;  // (node, word)
  for (std::size_t i = 0; i < word_ids.size(); ++i) {
    if (offsets[i] >= offsets[i + 1] || offsets[i + 1] > offsets.back()) {
      throw std::invalid_argument("spellings: got an empty one, expected at least one token");
    }
    ends.emplace_back(add(token_ids.data() + offsets[i], token_ids.data() + offsets[i + 1]),
                      word_ids[i]);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  first_word_.assign(static_cast<std::size_t>(num_nodes_) + 1, 0);
  for (const auto& [node, word] : ends) {
    words_.push_back(word);
    ++first_word_[static_cast<std::size_t>(node) + 1];
  }
  for (std::size_t node = 1; node < first_word_.size(); ++node) {
    first_word_[node] += first_word_[node - 1];
  }
}

std::int32_t LexiconTrie::add(const std::int32_t* begin, const std::int32_t* end) {
  std::int32_t node = kRoot;
  for (; begin != end; ++begin) {
    if (*begin < 0) throw std::invalid_argument("spellings: got a negative token, expected an id");
    std::int32_t next = child(node, *begin);
    if (next == kMissing) {
      next = num_nodes_++;
      children_.insert(node, *begin, next);
    }
    node = next;
  }
  return node;
}

}  // namespace edgewright
