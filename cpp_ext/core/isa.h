// Which instruction set the kernels run on.
#pragma once

namespace edgewright {

// Each one includes those before it. On x86-64: x86-64-v1 (SSE2), -v2, -v3, -v4. Elsewhere all is
// baseline, whose vectors the compiler maps to what the architecture always has (NEON on Arm).
enum class Isa { kBaseline, kSse4, kAvx2, kAvx512 };

// The best one of this CPU, found once; the environment variable EDGEWRIGHT_ISA (baseline, sse4,
// avx2, avx512) can lower it, to measure or to look for a fault.
Isa active_isa();

// Its name, as in EDGEWRIGHT_ISA.
const char* isa_name(Isa isa);

}  // namespace edgewright
