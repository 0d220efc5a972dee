#include "core/kmer.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/nucleotides.h"

namespace edgewright {
namespace {

constexpr std::size_t kBlock = 1024;  // k-mers

}  // namespace

KmerEncoder::KmerEncoder(int k, std::vector<std::int32_t> token_ids, std::int32_t unknown_id)
    : k_(k), token_ids_(std::move(token_ids)), unknown_id_(unknown_id) {
  // 15 keeps 4^k and the rolling index within 32 bits.
  if (k < 1 || k > 15)
    throw std::invalid_argument("k: got " + std::to_string(k) + ", expected 1 to 15");
  if (token_ids_.size() != std::size_t{1} << (2 * k)) {
    throw std::invalid_argument("token_ids: got " + std::to_string(token_ids_.size()) +
                                " entries, expected 4^k");
  }
}

std::size_t KmerEncoder::count(std::size_t size) const {
  const auto k = static_cast<std::size_t>(k_);
  return size < k ? 0 : size - k + 1;
}

// The index rolls by one multiply-add a letter: it is masked only where it is read, because the
// mask would lengthen the chain of operations that each letter waits for. Blocks without ambiguity
// codes need no other look at a letter; a block with one is done again, letter by letter.
void KmerEncoder::encode(const char* sequence, std::size_t size, std::int64_t* output) const {
  const std::size_t num_kmers = count(size);
  for (std::size_t begin = 0; begin < num_kmers; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, num_kmers);
    if (!encode_plain(sequence, begin, end, output)) encode_any(sequence, begin, end, output);
  }
}

bool KmerEncoder::encode_plain(const char* sequence, std::size_t begin, std::size_t end,
                               std::int64_t* output) const {
  const auto* const letters = reinterpret_cast<const unsigned char*>(sequence);
  const std::size_t ahead = static_cast<std::size_t>(k_) - 1;
  const std::size_t mask = token_ids_.size() - 1;
  const std::int32_t* const token_ids = token_ids_.data();
  std::size_t index = 0, seen = 0;
  for (std::size_t i = begin; i < begin + ahead; ++i) {
    const std::size_t code = kNucleotideCodes[letters[i]];
    seen |= code;
    index = index * 4 + code;
  }
  for (std::size_t i = begin; i < end; ++i) {
    const std::size_t code = kNucleotideCodes[letters[i + ahead]];
    seen |= code;
    index = index * 4 + code;
    output[i] = token_ids[index & mask];
  }
  return seen < kAmbiguous;
}

void KmerEncoder::encode_any(const char* sequence, std::size_t begin, std::size_t end,
                             std::int64_t* output) const {
  const auto k = static_cast<std::size_t>(k_);
  const std::size_t mask = token_ids_.size() - 1;
  std::size_t index = 0;
  std::size_t unambiguous = 0;  // letters since the last ambiguity code
  for (std::size_t i = begin; i < end + k - 1; ++i) {
    const std::uint8_t code = kNucleotideCodes[static_cast<unsigned char>(sequence[i])];
    if (code == kNoNucleotide) refuse_letter("position " + std::to_string(i), sequence[i]);
    unambiguous = code == kAmbiguous ? 0 : unambiguous + 1;
    index = index * 4 + (code & 3u);
    if (i + 1 >= begin + k) {
      output[i + 1 - k] = unambiguous >= k ? token_ids_[index & mask] : unknown_id_;
    }
  }
}

}  // namespace edgewright
