// Cuts a sequence that arrives in pieces into windows of equal length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace edgewright {

// One window: bases [start, end) of the record, 0-based.
struct SequenceWindow {
  std::uint64_t start;
  std::uint64_t end;
  std::string sequence;
};

// Windows start at 0, stride, 2 stride, … as long as they fit. If bases remain after the last that
// fits, one more window is aligned to the end of the record; a record shorter than the window is
// one window. Memory: what was pushed and not yet taken, and one window.
class WindowSlicer {
 public:
  // Throws std::invalid_argument when a size is 0.
  WindowSlicer(std::size_t window, std::size_t stride);

  // Appends bases of the present record, or of the next one when `next` has given all of the last.
  void push(const char* sequence, std::size_t size, bool last);

  // Returns the next window, or nothing until more is pushed.
  std::optional<SequenceWindow> next();

 private:
  std::optional<SequenceWindow> finish_record();
  SequenceWindow cut(std::uint64_t start, std::uint64_t end) const;
  void drop_used();

  std::size_t window_;
  std::size_t stride_;
  std::string buffer_;  // bases [buffer_start_, buffer_start_ + size) of the record
  std::uint64_t buffer_start_ = 0;
  std::uint64_t next_start_ = 0;
  std::uint64_t last_end_ = 0;  // end of the last window given out
  bool last_ = false;           // the record is complete
};

}  // namespace edgewright
