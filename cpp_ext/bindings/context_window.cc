#include "core/context_window.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

// Values of a context from which on the lock is released: a switch of threads costs more than to
// copy fewer.
constexpr std::size_t kManyValues = std::size_t{1} << 16;

// An array that was handed out, and how it was then.
struct Output {
  py::handle array;
  void* data;
  py::ssize_t ndim;
  std::array<py::ssize_t, 3> shape;

  // Whether nobody but its dictionary in `Outputs` holds it, and nobody changed its form.
  bool is_free() const {
    const auto* const proxy = py::detail::array_proxy(array.ptr());
    return array.ref_count() == 1 && proxy->data == data && proxy->nd == ndim &&
           std::equal(shape.begin(), shape.begin() + ndim, proxy->dimensions) &&
           (proxy->flags & kForm) == kForm;
  }
  static constexpr int kForm =
      py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
};

// Arrays that were handed out together.
struct Outputs {
  py::dict named;
  std::array<Output, 5> arrays{};
  ContextArrays pointers{};

  bool are_free() const {
    return !named.empty() && std::all_of(arrays.begin(), arrays.end(),
                                         [](const Output& output) { return output.is_free(); });
  }
};

// A context window and the arrays that it gave out last and before. While anything else holds one
// of them (a view holds what it is a view of), they are not written to again. There are two,
// because callers hold those of the last step until they have the next.
class ContextKernel {
 public:
  explicit ContextKernel(ContextWindow window) : window_(std::move(window)) {}

  void reset(double target_return) { window_.reset(target_return); }
  void reward(double reward) { window_.reward(reward); }

  // These return whether the vector was taken: one that is not float32 in C order, of the right
  // size and finite is left to the Python front.
  bool observe(const py::handle& state) {
    const float* const values = row(state, window_.state_dim());
    if (values != nullptr) window_.observe(values);
    return values != nullptr;
  }
  bool act(const py::handle& action) {
    const float* const values = row(action, window_.action_dim());
    if (values != nullptr) window_.act(values);
    return values != nullptr;
  }

  py::dict arrays() {
    Outputs& outputs = next_outputs();
    std::optional<py::gil_scoped_release> release;
    if (num_values() >= kManyValues) release.emplace();
    window_.copy(outputs.pointers);
    release.reset();
    // The caller may change the dictionary, so it gets a copy.
    return py::reinterpret_steal<py::dict>(PyDict_Copy(outputs.named.ptr()));
  }

  py::object step(const py::handle& state) {
    if (!observe(state)) return py::none();
    return arrays();
  }

 private:
  static const float* row(const py::handle& values, std::size_t size) {
    if (!py::isinstance<Array<float>>(values)) return nullptr;
    const auto* const proxy = py::detail::array_proxy(values.ptr());
    if (proxy->nd != 1 || proxy->dimensions[0] != to_ssize(size)) return nullptr;
    const auto* const data = reinterpret_cast<const float*>(proxy->data);
    const bool finite = std::all_of(data, data + size, [](float x) { return std::isfinite(x); });
    return finite ? data : nullptr;
  }

  std::size_t num_values() const {
    return window_.context_length() * (window_.state_dim() + window_.action_dim() + 3);
  }

  Outputs& next_outputs() {
    std::swap(outputs_[0], outputs_[1]);
    if (!outputs_[0].are_free()) make(outputs_[0]);
    return outputs_[0];
  }

  template <typename T>
  T* add(Outputs& outputs, std::size_t index, const char* name, std::size_t width,
         py::ssize_t ndim) const {
    const std::array<py::ssize_t, 3> shape{1, to_ssize(window_.context_length()), to_ssize(width)};
    Array<T> array(std::vector<py::ssize_t>(shape.begin(), shape.begin() + ndim));
    T* const data = array.mutable_data();
    outputs.named[name] = array;
    outputs.arrays[index] = {array, data, ndim, shape};
    return data;
  }

  void make(Outputs& outputs) const {
    outputs.named = py::dict();
    outputs.pointers = {add<float>(outputs, 0, "states", window_.state_dim(), 3),
                        add<float>(outputs, 1, "actions", window_.action_dim(), 3),
                        add<float>(outputs, 2, "returns_to_go", 1, 3),
                        add<std::int64_t>(outputs, 3, "timesteps", 1, 2),
                        add<std::int64_t>(outputs, 4, "attention_mask", 1, 2)};
  }

  ContextWindow window_;
  std::array<Outputs, 2> outputs_;
};

}  // namespace

void bind_context_window(py::module_& module) {
  py::class_<ContextKernel>(module, "ContextWindow")
      .def(py::init([](int context_length, const Array<float>& state_mean,
                       const Array<float>& state_std, int action_dim, double return_scale,
                       std::int64_t max_ep_len) {
             return ContextKernel(ContextWindow(context_length, to_vector(state_mean),
                                                to_vector(state_std), action_dim, return_scale,
                                                max_ep_len));
           }),
           py::arg("context_length"), py::arg("state_mean").noconvert(),
           py::arg("state_std").noconvert(), py::arg("action_dim"), py::arg("return_scale"),
           py::arg("max_ep_len"))
      .def("reset", &ContextKernel::reset, py::arg("target_return"))
      .def("observe", &ContextKernel::observe, py::arg("state"))
      .def("act", &ContextKernel::act, py::arg("action"))
      .def("reward", &ContextKernel::reward, py::arg("reward"))
      .def("arrays", &ContextKernel::arrays)
      .def("step", &ContextKernel::step, py::arg("state"));
}

}  // namespace edgewright
