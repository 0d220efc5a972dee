#include "core/cpu_features.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace edgewright {

#if defined(__x86_64__) || defined(__i386__)

namespace {

// AVX-VNNI has a bit of its own (leaf 7, sub-leaf 1, EAX bit 4) that older compilers cannot name.
bool has_avx_vnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & (1u << 4)) != 0;
}

}  // namespace

CpuFeatures cpu_features() {
  CpuFeatures features;
  // The built-in also asks whether the operating system saves the wide registers.
  features.avx2 = __builtin_cpu_supports("avx2") != 0;
  features.avx512f = __builtin_cpu_supports("avx512f") != 0;
  features.vnni = __builtin_cpu_supports("avx512vnni") != 0 || (features.avx2 && has_avx_vnni());
  return features;
}

#elif defined(__aarch64__) && defined(__linux__)

CpuFeatures cpu_features() {
  CpuFeatures features;
  features.neon = true;  // part of the base architecture
  features.dotprod = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#ifdef HWCAP2_I8MM
  features.i8mm = (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
#endif
  return features;
}

#else

CpuFeatures cpu_features() { return {}; }

#endif

}  // namespace edgewright
