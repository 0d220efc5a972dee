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

  // Writes `count(size)` ids. Throws std::invalid_argument at a letter that is no nucleotide.
  void encode(const char* sequence, std::size_t size, std::int64_t* output) const;

 private:
  // The k-mer that ends at a letter, as a number of base 4 whose higher digits are older letters.
  struct Rolling {
    std::uint64_t index = 0;
    std::size_t unambiguous = 0;  // letters since the last ambiguity code
    void add(std::uint8_t code) {
      unambiguous = code < 4 ? unambiguous + 1 : 0;
      index = index * 4 + (code & 3u);
    }
  };

  static Rolling start(const char* sequence, std::size_t size);
  bool encode_bases(const char* letters, std::size_t count, std::uint64_t& index,
                    std::int64_t* ids) const;
  void encode_letters(const char* letters, std::size_t count, Rolling& rolling,
                      std::int64_t* ids) const;

  int k_;
  std::vector<std::int32_t> token_ids_;
  std::int32_t unknown_id_;
};

}  // namespace edgewright
