#include "core/kmer.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "core/nucleotides.h"

namespace edgewright {

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

void KmerEncoder::encode(const char* sequence, std::size_t size, std::int64_t* output) const {
  const auto k = static_cast<std::size_t>(k_);
  const std::uint32_t mask = static_cast<std::uint32_t>(token_ids_.size() - 1);
  std::uint32_t index = 0;
  std::size_t unambiguous = 0;  // letters since the last ambiguity code
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint8_t code = kNucleotideCodes[static_cast<unsigned char>(sequence[i])];
    if (code == kNoNucleotide) refuse_letter("position " + std::to_string(i), sequence[i]);
    unambiguous = code == kAmbiguous ? 0 : unambiguous + 1;
    index = ((index << 2) | (code & 3u)) & mask;
    if (i + 1 >= k) output[i + 1 - k] = unambiguous >= k ? token_ids_[index] : unknown_id_;
  }
}

}  // namespace edgewright
