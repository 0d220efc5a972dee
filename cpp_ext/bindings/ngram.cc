#include "core/ngram.h"

#include <pybind11/stl.h>

#include <memory>

#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

std::shared_ptr<NgramModel> make_model(const py::bytes& arpa) {
  const std::string_view text = arpa;
  py::gil_scoped_release release;
  return std::make_shared<NgramModel>(text);
}

double score(const NgramModel& model, const std::vector<std::string>& words, bool begin, bool end) {
  std::int32_t state = begin ? model.begin_state() : NgramModel::kEmpty;
  double sum = 0;
  for (const std::string& word : words) {
    const NgramModel::Step step = model.score(state, model.word_id(word));
    sum += step.log_prob;
    state = step.state;
  }
  return end ? sum + model.end_log_prob(state) : sum;
}

}  // namespace

void bind_ngram(py::module_& module) {
  py::class_<NgramModel, std::shared_ptr<NgramModel>>(module, "NgramModel")
      .def(py::init(&make_model), py::arg("arpa"))
      .def_property_readonly("order", &NgramModel::order)
      .def("word_id", &NgramModel::word_id, py::arg("word"))
      .def("score", &score, py::arg("words"), py::arg("begin"), py::arg("end"));
}

}  // namespace edgewright
