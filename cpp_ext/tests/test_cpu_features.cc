#include "core/cpu_features.h"
#include "tests/check.h"

using namespace edgewright;

int main() {
  const CpuFeatures features = cpu_features();
  CHECK(!features.avx512f || features.avx2);
  CHECK(!features.vnni || features.avx2);
  CHECK(!(features.avx2 && features.neon));
  return exit_code();
}
