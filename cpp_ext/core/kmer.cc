#include "core/kmer.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/nucleotides.h"

namespace edgewright {
namespace {

constexpr std::size_t kBatch = 512;  // letters that are looked at together

// Refuses the first letter that is no nucleotide; `offset` is the position of `sequence[0]`.
void check_letters(const char* sequence, std::size_t size, std::size_t offset = 0) {
  for (std::size_t i = 0; i < size; ++i) {
    if (kNucleotideCodes[static_cast<unsigned char>(sequence[i])] == kNoNucleotide) {
      refuse_letter("position " + std::to_string(offset + i), sequence[i]);
    }
  }
}

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

void KmerEncoder::encode(const char* sequence, std::size_t size, std::int64_t* output) const {
  const auto k = static_cast<std::size_t>(k_);
  if (size < k) return check_letters(sequence, size);
  // The first k - 1 letters complete no k-mer; each one behind them completes one.
  Rolling rolling = start(sequence, k - 1);
  for (std::size_t begin = k - 1; begin < size; begin += kBatch) {
    const std::size_t count = std::min(kBatch, size - begin);
    std::int64_t* const ids = output + (begin + 1 - k);
    std::uint64_t index = rolling.index;
    const bool bases = encode_bases(sequence + begin, count, index, ids);
    if (bases && rolling.unambiguous + 1 >= k) {
      rolling = {index, rolling.unambiguous + count};
    } else {
      check_letters(sequence + begin, count, begin);
      encode_letters(sequence + begin, count, rolling, ids);
    }
  }
}

// Returns whether all letters were bases; the ids are right if they were, and those before them.
bool KmerEncoder::encode_bases(const char* letters, std::size_t count, std::uint64_t& index,
                               std::int64_t* ids) const {
  const std::uint64_t mask = token_ids_.size() - 1;
  const std::int32_t* const table = token_ids_.data();
  std::uint64_t rolling = index;
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t code = kNucleotideCodes[static_cast<unsigned char>(letters[i])];
    seen |= code;
    rolling = rolling * 4 + code;  // what has left the k-mer is masked off
    ids[i] = table[rolling & mask];
  }
  index = rolling;
  return seen < kAmbiguous;
}

void KmerEncoder::encode_letters(const char* letters, std::size_t count, Rolling& rolling,
                                 std::int64_t* ids) const {
  const std::uint64_t mask = token_ids_.size() - 1;
  for (std::size_t i = 0; i < count; ++i) {
    rolling.add(kNucleotideCodes[static_cast<unsigned char>(letters[i])]);
    const bool known = rolling.unambiguous >= static_cast<std::size_t>(k_);
    ids[i] = known ? token_ids_[rolling.index & mask] : unknown_id_;
  }
}

KmerEncoder::Rolling KmerEncoder::start(const char* sequence, std::size_t size) {
  check_letters(sequence, size);
  Rolling rolling;
  for (std::size_t i = 0; i < size; ++i) {
    rolling.add(kNucleotideCodes[static_cast<unsigned char>(sequence[i])]);
  }
  return rolling;
}

}  // namespace edgewright
