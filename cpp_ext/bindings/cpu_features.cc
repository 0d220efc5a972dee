#include "core/cpu_features.h"

#include "bindings/bindings.h"
#include "core/isa.h"

namespace edgewright {
namespace {

pybind11::dict cpu_features_dict() {
  const CpuFeatures features = cpu_features();
  pybind11::dict result;
  result["avx2"] = features.avx2;
  result["avx512f"] = features.avx512f;
  result["vnni"] = features.vnni;
  result["neon"] = features.neon;
  result["dotprod"] = features.dotprod;
  result["i8mm"] = features.i8mm;
  return result;
}

}  // namespace

void bind_cpu_features(pybind11::module_& module) {
  module.def("cpu_features", &cpu_features_dict);
  module.def("instruction_set", [] { return isa_name(active_isa()); });
}

}  // namespace edgewright
