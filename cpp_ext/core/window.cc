#include "core/window.h"

#include <cmath>

namespace edgewright {

std::vector<double> make_window(Window window, std::size_t length, bool periodic) {
  constexpr double kTau = 6.283185307179586476925286766559;
  if (length == 1) return {1.0};
  const double period = static_cast<double>(periodic ? length : length - 1);
  std::vector<double> values(length);
  for (std::size_t n = 0; n < length; ++n) {
    const double c = std::cos(kTau * static_cast<double>(n) / period);
    switch (window) {
      case Window::kPovey:
        values[n] = std::pow(0.5 - 0.5 * c, 0.85);
        break;
      case Window::kHann:
        values[n] = 0.5 - 0.5 * c;
        break;
      case Window::kHamming:
        values[n] = 0.54 - 0.46 * c;
        break;
    }
  }
  return values;
}

}  // namespace edgewright
