// Several signals side by side, one in each lane.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace edgewright {

// Signals that the transforms handle at once, on every instruction set. Element i of lane l is at
// [i * kLanes + l], a row is the elements i of all lanes. Every loop ends in kLanes equal,
// independent float operations: what comes out of a lane depends neither on the others nor on how
// many of them the registers hold.
inline constexpr std::size_t kLanes = 16;

// The next multiple of kLanes.
constexpr std::size_t round_up(std::size_t size) { return (size + kLanes - 1) / kLanes * kLanes; }

// Real and imaginary rows, or the even and the odd samples of a signal.
struct Planes {
  float* real;
  float* imag;
};

// Uninitialized floats that begin at a cache line.
class LaneBuffer {
 public:
  explicit LaneBuffer(std::size_t size)
      : data_(static_cast<float*>(::operator new(size * sizeof(float), kAlignment))) {}
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(float* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<float, Free> data_;
};

}  // namespace edgewright
