// Voice activity by energy: which frames of a waveform that comes in pieces hold speech.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace edgewright {

struct VoiceActivityOptions {
  double sample_rate = 16000;        // Hz
  std::size_t frame_samples = 160;   // of one decision
  double high_pass_frequency = 200;  // Hz, -3 dB
  double speech_margin_db = 7;       // above the noise floor, where speech begins
  double silence_margin_db = 4;      // above the noise floor, where speech may end
  double least_level_db = -55;       // no speech below; 0 dB is a mean square of 1
  std::size_t attack_frames = 4;     // loud in a row, before speech
  std::size_t hangover_frames = 10;  // still speech behind the last loud one
  std::size_t noise_frames = 250;    // a steady sound of so many becomes the noise floor
};

// One half of the high-pass: y = gain (x - 2 x' + x'') - a2 y'' - a1 y', where ' is one sample ago.
// The direct form and this order of terms keep the wait for y' short, which is what takes the time.
class HighPassSection {
 public:
  HighPassSection(double tangent, double damping);

  double operator()(double x) {
    const double y = gain_ * (x - 2 * x1_ + x2_) - a2_ * y2_ - a1_ * y1_;
    x2_ = x1_;
    x1_ = x;
    y2_ = y1_;
    y1_ = y;
    return y;
  }
  // Forgets what is too small to be heard, before it becomes a slow subnormal number.
  void flush();
  void reset() { x1_ = x2_ = y1_ = y2_ = 0; }

 private:
  double gain_, a1_, a2_;
  double x1_ = 0, x2_ = 0, y1_ = 0, y2_ = 0;
};

// Decides for each frame k of N = frame_samples samples x whether it is speech:
//
//   y   = a Butterworth high-pass of order 4, which takes DC, hum and rumble away
//   L_k = 10 log10(sum of y^2 over the frame / N + 1e-10)         its level, -100 dB at least
//   S_k = S_{k-1} + 0.3 (L_k - S_{k-1}),  S_{-1} = -100           smoothed: a tenth of a step is
//   left after 65 ms F_k = min(S_{k-W+1}, ..., S_k),  W = noise_frames             the noise floor
//
// The floor falls with the smoothed level and rises only after W frames in which nothing was
// quieter (minimum statistics: Martin, "Spectral subtraction based on minimum statistics", 1994).
// What lies before the waveform counts as -100 dB, so speech may begin at once. Running speech
// keeps its floor by its gaps; a steady sound becomes the floor once it has lasted W frames and the
// few of smoothing.
//
//   silent: loud where L_k >= max(least_level, F_k + speech_margin); attack_frames loud ones in a
//           row make speech, the last of them included, so that a click is none
//   speech: loud where L_k >= max(least_level, F_k + silence_margin); it ends with the frame that
//           has more than hangover_frames frames since the last loud one
//
// A sample is looked at once, in order, in double precision, so pieces of any size give the same
// decisions, bit for bit. Memory is that of W numbers. Belongs to one caller at a time.
class VoiceActivity {
 public:
  // Throws std::invalid_argument where a number of frames or samples is 0 (but for the hangover) or
  // the high-pass is not below half the sample rate.
  explicit VoiceActivity(const VoiceActivityOptions& options);

  // Frames that `feed` will write for `num_samples` more.
  std::size_t num_ready(std::size_t num_samples) const;
  // Takes samples and writes the decisions about the frames that are now complete.
  void feed(const float* samples, std::size_t num_samples, bool* speech);
  void reset();

 private:
  void add(const float* samples, std::size_t num_samples);
  double finish_level();
  double update_floor(double level);
  bool decide(double level, double floor);

  VoiceActivityOptions options_;
  std::array<HighPassSection, 2> high_pass_;
  std::size_t num_samples_ = 0;  // of the present frame
  double energy_ = 0;            // of the present frame
  double smoothed_ = 0;
  double floor_ = 0;
  std::vector<double> smoothed_levels_;  // a ring: frame k lies at k % noise_frames
  std::size_t position_ = 0;             // in the ring
  bool is_speech_ = false;
  std::size_t run_ =
      0;  // frames in a row that contradict the state: loud in silence, or the reverse
};

}  // namespace edgewright
