#include "core/context_window.h"

#include <stdexcept>
#include <string>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

void check_size(const Array<float>& array, std::size_t size, const char* name) {
  if (array.ndim() != 1 || array.shape(0) != to_ssize(size)) {
    throw std::invalid_argument(std::string(name) + ": got another shape, expected (" +
                                std::to_string(size) + ",)");
  }
}

void observe(ContextWindow& context, const Array<float>& state) {
  check_size(state, context.state_dim(), "state");
  py::gil_scoped_release release;
  context.observe(state.data());
}

void act(ContextWindow& context, const Array<float>& action) {
  check_size(action, context.action_dim(), "action");
  py::gil_scoped_release release;
  context.act(action.data());
}

py::tuple arrays(const ContextWindow& context) {
  const py::ssize_t length = to_ssize(context.context_length());
  Array<float> states({py::ssize_t{1}, length, to_ssize(context.state_dim())});
  Array<float> actions({py::ssize_t{1}, length, to_ssize(context.action_dim())});
  Array<float> returns_to_go({py::ssize_t{1}, length, py::ssize_t{1}});
  Array<std::int64_t> timesteps({py::ssize_t{1}, length});
  Array<std::int64_t> attention_mask({py::ssize_t{1}, length});
  const ContextArrays outputs{states.mutable_data(), actions.mutable_data(),
                              returns_to_go.mutable_data(), timesteps.mutable_data(),
                              attention_mask.mutable_data()};
  {
    py::gil_scoped_release release;
    context.copy(outputs);
  }
  return py::make_tuple(states, actions, returns_to_go, timesteps, attention_mask);
}

}  // namespace

void bind_context_window(py::module_& module) {
  py::class_<ContextWindow>(module, "ContextWindow")
      .def(py::init([](int context_length, const Array<float>& state_mean,
                       const Array<float>& state_std, int action_dim, double return_scale,
                       std::int64_t max_ep_len) {
             return ContextWindow(context_length, to_vector(state_mean), to_vector(state_std),
                                  action_dim, return_scale, max_ep_len);
           }),
           py::arg("context_length"), py::arg("state_mean").noconvert(),
           py::arg("state_std").noconvert(), py::arg("action_dim"), py::arg("return_scale"),
           py::arg("max_ep_len"))
      .def("reset", &ContextWindow::reset, py::arg("target_return"))
      .def("observe", &observe, py::arg("state").noconvert())
      .def("act", &act, py::arg("action").noconvert())
      .def("reward", &ContextWindow::reward, py::arg("reward"))
      .def("arrays", &arrays);
}

}  // namespace edgewright
