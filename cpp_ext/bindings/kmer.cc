#include "core/kmer.h"

#include <string_view>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace py = pybind11;

namespace edgewright {
namespace {

Array<std::int64_t> encode(const KmerEncoder& encoder, const py::bytes& sequence) {
  const std::string_view letters = sequence;
  Array<std::int64_t> output(to_ssize(encoder.count(letters.size())));
  std::int64_t* const token_ids = output.mutable_data();
  py::gil_scoped_release release;
  encoder.encode(letters.data(), letters.size(), token_ids);
  return output;
}

}  // namespace

void bind_kmer(py::module_& module) {
  py::class_<KmerEncoder>(module, "KmerEncoder")
      .def(py::init([](int k, const Array<std::int32_t>& token_ids, std::int32_t unknown_id) {
             return KmerEncoder(k, to_vector(token_ids), unknown_id);
           }),
           py::arg("k"), py::arg("token_ids").noconvert(), py::arg("unknown_id"))
      .def_property_readonly("k", &KmerEncoder::k)
      .def("encode", &encode, py::arg("sequence"));
}

}  // namespace edgewright
