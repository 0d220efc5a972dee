#include "core/isa.h"

#include <cstdlib>
#include <cstring>

namespace edgewright {
namespace {

constexpr const char* kNames[] = {"baseline", "sse4", "avx2", "avx512"};

Isa best_isa() {
#if defined(__x86_64__)
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx512 && avx2) return Isa::kAvx512;
  if (avx2) return Isa::kAvx2;
  if (__builtin_cpu_supports("sse4.2")) return Isa::kSse4;
#endif
  return Isa::kBaseline;
}

Isa chosen_isa() {
  const Isa best = best_isa();
  const char* const wanted = std::getenv("EDGEWRIGHT_ISA");
  for (int i = 0; wanted != nullptr && i < static_cast<int>(best); ++i) {
    if (std::strcmp(wanted, kNames[i]) == 0) return static_cast<Isa>(i);
  }
  return best;
}

}  // namespace

Isa active_isa() {
  static const Isa isa = chosen_isa();
  return isa;
}

const char* isa_name(Isa isa) { return kNames[static_cast<int>(isa)]; }

}  // namespace edgewright
