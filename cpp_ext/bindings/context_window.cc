#include "core/context_window.h"

#include <optional>
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

// The arrays of one step.
struct StepArrays {
  explicit StepArrays(const ContextWindow& context)
      : length(to_ssize(context.context_length())),
        states({py::ssize_t{1}, length, to_ssize(context.state_dim())}),
        actions({py::ssize_t{1}, length, to_ssize(context.action_dim())}),
        returns_to_go({py::ssize_t{1}, length, py::ssize_t{1}}),
        timesteps({py::ssize_t{1}, length}),
        attention_mask({py::ssize_t{1}, length}) {}

  // Whether nobody but this object holds any of them, and nobody has locked one.
  bool free() const {
    const auto is_free = [](const py::array& array) {
      return array.ref_count() == 1 && array.writeable();
    };
    return is_free(states) && is_free(actions) && is_free(returns_to_go) && is_free(timesteps) &&
           is_free(attention_mask);
  }

  ContextArrays pointers() {
    return {states.mutable_data(), actions.mutable_data(), returns_to_go.mutable_data(),
            timesteps.mutable_data(), attention_mask.mutable_data()};
  }

  py::ssize_t length;
  Array<float> states, actions, returns_to_go;
  Array<std::int64_t> timesteps, attention_mask;
};

// A window and the arrays that it gave last; they are written again once the caller has let go of
// them, because five new arrays cost more than what is written into them.
class BoundContextWindow : public ContextWindow {
 public:
  using ContextWindow::ContextWindow;

  py::tuple arrays() {
    if (!last_ || !last_->free()) last_.emplace(*this);
    fill();
    return py::make_tuple(last_->states, last_->actions, last_->returns_to_go, last_->timesteps,
                          last_->attention_mask);
  }

 private:
  // Long windows are filled without the interpreter's lock; for short ones it costs more to give
  // the lock back than to keep it.
  void fill() {
    constexpr std::size_t kLong = 1 << 14;  // values
    if (context_length() * (state_dim() + action_dim()) < kLong) return copy(last_->pointers());
    const ContextArrays pointers = last_->pointers();
    py::gil_scoped_release release;
    copy(pointers);
  }

  std::optional<StepArrays> last_;
};

// These take less time than giving the interpreter's lock back.
void observe(BoundContextWindow& context, const Array<float>& state) {
  check_size(state, context.state_dim(), "state");
  context.observe(state.data());
}

void act(BoundContextWindow& context, const Array<float>& action) {
  check_size(action, context.action_dim(), "action");
  context.act(action.data());
}

}  // namespace

void bind_context_window(py::module_& module) {
  py::class_<BoundContextWindow>(module, "ContextWindow")
      .def(py::init([](int context_length, const Array<float>& state_mean,
                       const Array<float>& state_std, int action_dim, double return_scale,
                       std::int64_t max_ep_len) {
             return BoundContextWindow(context_length, to_vector(state_mean), to_vector(state_std),
                                       action_dim, return_scale, max_ep_len);
           }),
           py::arg("context_length"), py::arg("state_mean").noconvert(),
           py::arg("state_std").noconvert(), py::arg("action_dim"), py::arg("return_scale"),
           py::arg("max_ep_len"))
      .def("reset", &BoundContextWindow::reset, py::arg("target_return"))
      .def("observe", &observe, py::arg("state").noconvert())
      .def("act", &act, py::arg("action").noconvert())
      .def("reward", &BoundContextWindow::reward, py::arg("reward"))
      .def("arrays", &BoundContextWindow::arrays);
}

}  // namespace edgewright
