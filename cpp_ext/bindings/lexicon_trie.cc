#include "core/lexicon_trie.h"

#include <memory>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

std::shared_ptr<LexiconTrie> make_lexicon(const Array<std::int32_t>& token_ids,
                                          const Array<std::int64_t>& offsets,
                                          const Array<std::int32_t>& word_ids) {
  const auto tokens = to_vector(token_ids);
  const auto starts = to_vector(offsets);
  const auto words = to_vector(word_ids);
  py::gil_scoped_release release;
  return std::make_shared<LexiconTrie>(tokens, starts, words);
}

}  // namespace

void bind_lexicon_trie(py::module_& module) {
  py::class_<LexiconTrie, std::shared_ptr<LexiconTrie>>(module, "LexiconTrie")
      .def(py::init(&make_lexicon), py::arg("token_ids").noconvert(),
           py::arg("offsets").noconvert(), py::arg("word_ids").noconvert());
}

}  // namespace edgewright
