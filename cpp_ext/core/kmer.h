// Token ids of the k-mers of a nucleotide sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgewright {

// Maps every k-mer, read as a number of base 4 (A 0, C 1, G 2, T 3; first letter highest), to its
// token id by one table. Immutable, so any number of threads may share it.
class KmerEncoder {
 public:
  // `token_ids` has 4^k entries; `unknown_id` stands for k-mers with an ambiguity code.
  // Throws std::invalid_argument when k is not in 1..15 or the table has another size.
  KmerEncoder(int k, std::vector<std::int32_t> token_ids, std::int32_t unknown_id);

  int k() const { return k_; }

  // Number of k-mers in `size` bases.
  std::size_t count(std::size_t size) const;

  // Writes `count(size)` ids. Throws std::invalid_argument at the first letter that is no
  // nucleotide; letters of a sequence without k-mers are not looked at.
  void encode(const char* sequence, std::size_t size, std::int64_t* output) const;

 private:
  // Writes the ids of the k-mers [begin, end). Returns whether all letters were A, C, G or T;
  // where not, what was written is meaningless.
  bool encode_plain(const char* sequence, std::size_t begin, std::size_t end,
                    std::int64_t* output) const;
  void encode_any(const char* sequence, std::size_t begin, std::size_t end,
                  std::int64_t* output) const;

  int k_;
  std::vector<std::int32_t> token_ids_;
  std::int32_t unknown_id_;
};

}  // namespace edgewright
