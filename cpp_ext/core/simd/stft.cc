#include "core/simd/stft.h"

#include "core/simd/vectors.h"

namespace edgewright {
namespace EDGEWRIGHT_ISA {
namespace {

void scale_row(const float* from, float factor, float* to) {
  for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
    store(to + lane, load<Floats>(from + lane) * factor);
  }
}

void split(const float* rows, const float* window, std::size_t size, Planes signal) {
  for (std::size_t i = 0; i < size; i += 2) {
    scale_row(rows + i * kLanes, window[i], signal.real + i / 2 * kLanes);
    scale_row(rows + (i + 1) * kLanes, window[i + 1], signal.imag + i / 2 * kLanes);
  }
}

void join(Planes signal, const std::uint32_t* order, const float* window, std::size_t size,
          float* rows) {
  for (std::size_t i = 0; i < size; i += 2) {
    const std::size_t row = order[i / 2] * kLanes;
    scale_row(signal.real + row, window[i], rows + i * kLanes);
    scale_row(signal.imag + row, window[i + 1], rows + (i + 1) * kLanes);
  }
}

}  // namespace

extern const StftLoops stft_loops;
const StftLoops stft_loops{&split, &join};

}  // namespace EDGEWRIGHT_ISA
}  // namespace edgewright
