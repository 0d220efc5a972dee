// Log-mel features of a waveform that comes in pieces.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/log_mel.h"

namespace edgewright {

// Gives the frames of `LogMel::compute`, bit for bit, as soon as no later sample can change them.
// Keeps the samples that frames to come will read, fewer than a window and a hop. Belongs to one
// caller at a time.
class LogMelStream {
 public:
  // Throws std::invalid_argument where features are normalized over the whole waveform.
  explicit LogMelStream(std::shared_ptr<const LogMel> log_mel);

  const LogMel& log_mel() const { return *log_mel_; }
  // Frames that `feed` will write for `num_samples` more, and `finish` for none.
  std::size_t num_ready(std::size_t num_samples) const;
  std::size_t num_last() const;

  // Takes samples and writes the frames that are now complete.
  void feed(const float* samples, std::size_t num_samples, float* features);
  // Writes the frames that reach behind the end.
  void finish(float* features) const;
  void reset();

 private:
  std::shared_ptr<const LogMel> log_mel_;
  std::vector<float> samples_;  // from number `first_` on
  std::size_t first_ = 0;
  std::size_t num_samples_ = 0;  // fed so far
  std::size_t num_frames_ = 0;   // written so far
};

}  // namespace edgewright
