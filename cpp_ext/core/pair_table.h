// A hash table from two non-negative integers to one: the edges of a tree, found in one probe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgewright {

// Open addressing with linear probing in one flat array, at most half full.
class PairTable {
 public:
  static constexpr std::int32_t kMissing = -1;

  PairTable() : entries_(16) {}

  std::int32_t find(std::int32_t first, std::int32_t second) const {
    const std::uint64_t key = join(first, second);
    for (std::size_t slot = start(key);; slot = (slot + 1) & (entries_.size() - 1)) {
      if (entries_[slot].value == kMissing) return kMissing;
      if (entries_[slot].key == key) return entries_[slot].value;
    }
  }

  // The pair must not be there yet; `value` is 0 or more.
  void insert(std::int32_t first, std::int32_t second, std::int32_t value) {
    if (2 * ++size_ > entries_.size()) grow();
    place({join(first, second), value});
  }

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::int32_t value = kMissing;
  };

  static std::uint64_t join(std::int32_t first, std::int32_t second) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(first)) << 32 |
           static_cast<std::uint32_t>(second);
  }

  // Fibonacci hashing (Knuth, volume 3, section 6.4); the high half is mixed best.
  std::size_t start(std::uint64_t key) const {
    key ^= key >> 29;
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> 32) & (entries_.size() - 1);
  }

  void place(Entry entry) {
    std::size_t slot = start(entry.key);
    while (entries_[slot].value != kMissing) slot = (slot + 1) & (entries_.size() - 1);
    entries_[slot] = entry;
  }

  void grow() {
    std::vector<Entry> old(2 * entries_.size());
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.value != kMissing) place(entry);
    }
  }

  std::vector<Entry> entries_;  // a power of two of them
  std::size_t size_ = 0;
};

}  // namespace edgewright
