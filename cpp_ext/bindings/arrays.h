// Array types of the bindings: exact dtype, C order. The Python fronts convert; nothing is copied
// here without being asked for.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <vector>

namespace edgewright {

template <typename T>
using Array = pybind11::array_t<T, pybind11::array::c_style>;

inline pybind11::ssize_t to_ssize(std::size_t size) { return static_cast<pybind11::ssize_t>(size); }

template <typename T>
std::vector<T> to_vector(const Array<T>& array) {
  return std::vector<T>(array.data(), array.data() + array.size());
}

}  // namespace edgewright
