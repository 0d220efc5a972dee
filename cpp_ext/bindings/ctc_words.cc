#include "core/ctc_words.h"

#include <pybind11/stl.h>

#include "bindings/bindings.h"
#include "bindings/ctc_tokens.h"

namespace py = pybind11;

namespace edgewright {
namespace {

std::shared_ptr<CtcWordSearch> make_search(
    std::size_t blank_id, std::size_t beam_width, double token_threshold, double beam_threshold,
    double lm_weight, double word_bonus, double unknown_offset,
    const std::vector<std::string>& texts, const std::vector<int>& kinds,
    const std::shared_ptr<NgramModel>& language_model, const Hotwords& hotwords) {
  if (texts.size() != kinds.size()) {
    throw std::invalid_argument("kinds: got another number than texts, expected as many");
  }
  CtcWordOptions options;
  options.blank_id = blank_id;
  options.beam_width = beam_width;
  options.token_threshold = token_threshold;
  options.beam_threshold = beam_threshold;
  options.lm_weight = lm_weight;
  options.word_bonus = word_bonus;
  options.unknown_offset = unknown_offset;
  std::vector<CtcPiece> pieces;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    pieces.push_back({texts[i], static_cast<CtcPiece::Kind>(kinds[i])});
  }
  return std::make_shared<CtcWordSearch>(options, std::move(pieces), language_model, hotwords);
}

py::list to_list(const std::vector<CtcSentence>& sentences) {
  py::list result;
  for (const CtcSentence& sentence : sentences) {
    py::list words;
    for (const CtcWord& word : sentence.words) {
      words.append(py::make_tuple(word.text, word.start, word.end, word.confidence));
    }
    result.append(py::make_tuple(words, sentence.log_prob, sentence.score));
  }
  return result;
}

py::list decode(const CtcWordSearch& search, const Array<float>& logits, std::size_t n_best) {
  return to_list(with_logits(logits, search.options().blank_id, [&](const auto&... frames) {
    return search.decode(LogProbs(frames...), n_best);
  }));
}

py::list best(CtcWordStream& stream, std::size_t n_best) {
  return to_list(without_lock([&] { return stream.best(n_best); }));
}

}  // namespace

void bind_ctc_words(py::module_& module) {
  py::class_<CtcWordSearch, std::shared_ptr<CtcWordSearch>>(module, "CtcWordSearch")
      .def(py::init(&make_search), py::kw_only(), py::arg("blank_id"), py::arg("beam_width"),
           py::arg("token_threshold"), py::arg("beam_threshold"), py::arg("lm_weight"),
           py::arg("word_bonus"), py::arg("unknown_offset"), py::arg("texts"), py::arg("kinds"),
           py::arg("language_model").none(true), py::arg("hotwords"))
      .def("decode", &decode, py::arg("logits").noconvert(), py::arg("n_best"));
  py::class_<CtcWordStream>(module, "CtcWordStream")
      .def(py::init<std::shared_ptr<CtcWordSearch>>(), py::arg("search"))
      .def("feed", &feed<CtcWordStream>, py::arg("logits").noconvert())
      .def("best", &best, py::arg("n_best"))
      .def("reset", &CtcWordStream::reset);
}

}  // namespace edgewright
