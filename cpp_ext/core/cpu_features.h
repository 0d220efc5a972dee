// What the CPU can do, as far as the choice of a variant depends on it.
#pragma once

namespace edgewright {

struct CpuFeatures {
  bool avx2 = false;
  bool avx512f = false;
  bool vnni = false;  // 8-bit dot products that do not saturate: AVX512-VNNI or AVX-VNNI
  bool neon = false;
  bool dotprod = false;  // 8-bit dot products of Armv8.2
  bool i8mm = false;     // 8-bit matrix products of Armv8.6
};

CpuFeatures cpu_features();

}  // namespace edgewright
