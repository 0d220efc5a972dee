#include "core/window_slicer.h"

#include <algorithm>
#include <stdexcept>

namespace edgewright {

WindowSlicer::WindowSlicer(std::size_t window, std::size_t stride)
    : window_(window), stride_(stride) {
  if (window == 0 || stride == 0) {
    throw std::invalid_argument("window and stride: got 0, expected at least 1");
  }
}

void WindowSlicer::push(const char* sequence, std::size_t size, bool last) {
  drop_used();
  buffer_.append(sequence, size);
  last_ = last;
}

std::optional<SequenceWindow> WindowSlicer::next() {
  const std::uint64_t available = buffer_start_ + buffer_.size();
  if (next_start_ + window_ <= available) {
    SequenceWindow window = cut(next_start_, next_start_ + window_);
    next_start_ += stride_;
    last_end_ = window.end;
    return window;
  }
  return last_ ? finish_record() : std::nullopt;
}

// Gives the window at the end of the record if bases remain, and gets ready for the next record.
std::optional<SequenceWindow> WindowSlicer::finish_record() {
  const std::uint64_t size = buffer_start_ + buffer_.size();
  std::optional<SequenceWindow> window;
  if (last_end_ < size) window = cut(size < window_ ? 0 : size - window_, size);
  buffer_.clear();
  buffer_start_ = next_start_ = last_end_ = 0;
  last_ = false;
  return window;
}

SequenceWindow WindowSlicer::cut(std::uint64_t start, std::uint64_t end) const {
  const auto offset = static_cast<std::size_t>(start - buffer_start_);
  return {start, end, buffer_.substr(offset, static_cast<std::size_t>(end - start))};
}

// Keeps what the next window or the one aligned to the end may need.
void WindowSlicer::drop_used() {
  const std::size_t keep_for_end = buffer_.size() - std::min(buffer_.size(), window_);
  const std::uint64_t keep_for_next = std::max(next_start_, buffer_start_) - buffer_start_;
  const auto used = static_cast<std::size_t>(std::min<std::uint64_t>(keep_for_end, keep_for_next));
  buffer_.erase(0, used);
  buffer_start_ += used;
}

}  // namespace edgewright
