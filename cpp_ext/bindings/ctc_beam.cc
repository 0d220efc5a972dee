#include "core/ctc_beam.h"

#include <pybind11/stl.h>

#include "bindings/bindings.h"
#include "bindings/ctc_tokens.h"

namespace py = pybind11;

namespace edgewright {
namespace {

std::shared_ptr<CtcBeamSearch> make_search(
    std::size_t blank_id, std::size_t beam_width, double token_threshold, double beam_threshold,
    std::int32_t separator_id, double lm_weight, double word_bonus, double blank_penalty,
    const std::shared_ptr<LexiconTrie>& lexicon, const std::shared_ptr<NgramModel>& language_model,
    const Array<std::int32_t>& lm_word_ids, const Array<double>& word_scores) {
  CtcBeamOptions options;
  options.blank_id = blank_id;
  options.beam_width = beam_width;
  options.token_threshold = token_threshold;
  options.beam_threshold = beam_threshold;
  options.separator_id = separator_id;
  options.lm_weight = lm_weight;
  options.word_bonus = word_bonus;
  options.blank_penalty = blank_penalty;
  return std::make_shared<CtcBeamSearch>(options, lexicon, language_model, to_vector(lm_word_ids),
                                         to_vector(word_scores));
}

py::list to_list(const std::vector<CtcHypothesis>& hypotheses) {
  py::list result;
  for (const CtcHypothesis& hypothesis : hypotheses) {
    result.append(py::make_tuple(to_list(hypothesis.tokens), hypothesis.words,
                                 hypothesis.word_lengths, hypothesis.score));
  }
  return result;
}

py::list decode(const CtcBeamSearch& search, const Array<float>& logits, std::size_t n_best) {
  return to_list(with_logits(logits, search.options().blank_id, [&](const auto&... frames) {
    return search.decode(LogProbs(frames...), n_best);
  }));
}

py::list best(const CtcBeamStream& stream, std::size_t n_best) {
  return to_list(without_lock([&] { return stream.best(n_best); }));
}

}  // namespace

void bind_ctc_beam(py::module_& module) {
  py::class_<CtcBeamSearch, std::shared_ptr<CtcBeamSearch>>(module, "CtcBeamSearch")
      .def(py::init(&make_search), py::kw_only(), py::arg("blank_id"), py::arg("beam_width"),
           py::arg("token_threshold"), py::arg("beam_threshold"), py::arg("separator_id"),
           py::arg("lm_weight"), py::arg("word_bonus"), py::arg("blank_penalty"),
           py::arg("lexicon").none(true), py::arg("language_model").none(true),
           py::arg("lm_word_ids").noconvert(), py::arg("word_scores").noconvert())
      .def("decode", &decode, py::arg("logits").noconvert(), py::arg("n_best"));
  py::class_<CtcBeamStream>(module, "CtcBeamStream")
      .def(py::init<std::shared_ptr<CtcBeamSearch>>(), py::arg("search"))
      .def("feed", &feed<CtcBeamStream>, py::arg("logits").noconvert())
      .def("best", &best, py::arg("n_best"))
      .def("reset", &CtcBeamStream::reset);
}

}  // namespace edgewright
