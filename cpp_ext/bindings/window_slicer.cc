#include "core/window_slicer.h"

#include <string_view>
#include <vector>

#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

void push(WindowSlicer& slicer, const py::bytes& sequence, bool last) {
  const std::string_view letters = sequence;
  py::gil_scoped_release release;
  slicer.push(letters.data(), letters.size(), last);
}

// Takes windows in batches, so that one crossing of the language border serves many.
py::list take(WindowSlicer& slicer, std::size_t max_windows) {
  std::vector<SequenceWindow> windows;
  {
    py::gil_scoped_release release;
    while (windows.size() < max_windows) {
      auto window = slicer.next();
      if (!window) break;
      windows.push_back(std::move(*window));
    }
  }
  py::list result;
  for (const SequenceWindow& window : windows) {
    result.append(py::make_tuple(window.start, window.end, py::bytes(window.sequence)));
  }
  return result;
}

}  // namespace

void bind_window_slicer(py::module_& module) {
  py::class_<WindowSlicer>(module, "WindowSlicer")
      .def(py::init<std::size_t, std::size_t>(), py::arg("window"), py::arg("stride"))
      .def("push", &push, py::arg("sequence"), py::arg("last"))
      .def("take", &take, py::arg("max_windows"));
}

}  // namespace edgewright
