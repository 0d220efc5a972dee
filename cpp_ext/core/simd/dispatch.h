// One table of functions for each instruction set, and the choice between them.
//
// A kernel's header names its functions in a struct and calls EDGEWRIGHT_DISPATCH(Struct, name).
// Its source in core/simd/ is compiled once for each instruction set with EDGEWRIGHT_ISA defined to
// the namespace of that set (see CMakeLists.txt), and defines `const Struct name` there. `name()`
// is the table for this CPU.
#pragma once

#include "core/isa.h"

#if defined(__x86_64__)
#define EDGEWRIGHT_DISPATCH(Table, name) \
  namespace baseline {                   \
  extern const Table name;               \
  }                                      \
  namespace sse4 {                       \
  extern const Table name;               \
  }                                      \
  namespace avx2 {                       \
  extern const Table name;               \
  }                                      \
  namespace avx512 {                     \
  extern const Table name;               \
  }                                      \
  inline const Table& name() {           \
    switch (active_isa()) {              \
      case Isa::kAvx512:                 \
        return avx512::name;             \
      case Isa::kAvx2:                   \
        return avx2::name;               \
      case Isa::kSse4:                   \
        return sse4::name;               \
      default:                           \
        return baseline::name;           \
    }                                    \
  }
#else
#define EDGEWRIGHT_DISPATCH(Table, name) \
  namespace baseline {                   \
  extern const Table name;               \
  }                                      \
  inline const Table& name() { return baseline::name; }
#endif
