#include "core/log_mel_stream.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace edgewright {

LogMelStream::LogMelStream(std::shared_ptr<const LogMel> log_mel) : log_mel_(std::move(log_mel)) {
  if (log_mel_->options().normalize) {
    throw std::invalid_argument("normalization: got one over the whole waveform, expected none");
  }
}

std::size_t LogMelStream::num_ready(std::size_t num_samples) const {
  return log_mel_->num_complete_frames(num_samples_ + num_samples) - num_frames_;
}

std::size_t LogMelStream::num_last() const {
  const bool too_few = log_mel_->options().padding == Padding::kReflect &&
                       log_mel_->num_complete_frames(num_samples_) == 0;
  if (num_samples_ == 0 || too_few) return 0;
  return log_mel_->num_frames(num_samples_) - num_frames_;
}

void LogMelStream::feed(const float* samples, std::size_t num_samples, float* features) {
  const std::size_t ready = num_ready(num_samples);
  samples_.insert(samples_.end(), samples, samples + num_samples);
  num_samples_ += num_samples;
  log_mel_->compute_frames({samples_.data(), first_, num_samples_}, num_frames_,
                           num_frames_ + ready, features);
  num_frames_ += ready;
  const std::size_t keep = std::min(log_mel_->first_sample(num_frames_), num_samples_);
  samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(keep - first_));
  first_ = keep;
}

void LogMelStream::finish(float* features) const {
  log_mel_->compute_frames({samples_.data(), first_, num_samples_}, num_frames_,
                           num_frames_ + num_last(), features);
}

void LogMelStream::reset() {
  samples_.clear();
  first_ = num_samples_ = num_frames_ = 0;
}

}  // namespace edgewright
