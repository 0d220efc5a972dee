#include <numeric>
#include <string>

#include "core/kmer.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

constexpr std::int32_t kUnknown = -1;

// Ids count the k-mers in alphabetic order from 100 on.
KmerEncoder make_encoder(int k) {
  std::vector<std::int32_t> token_ids(std::size_t{1} << (2 * k));
  std::iota(token_ids.begin(), token_ids.end(), 100);
  return KmerEncoder(k, token_ids, kUnknown);
}

std::vector<std::int64_t> encoded(int k, const std::string& sequence) {
  const KmerEncoder encoder = make_encoder(k);
  std::vector<std::int64_t> output(encoder.count(sequence.size()));
  encoder.encode(sequence.data(), sequence.size(), output.data());
  return output;
}

using Ids = std::vector<std::int64_t>;

void test_ids() {
  CHECK((encoded(1, "ACGT") == Ids{100, 101, 102, 103}));
  CHECK((encoded(2, "AACt") == Ids{100, 101, 107}));
  CHECK((encoded(3, "TTT") == Ids{163}));
  CHECK((encoded(2, "ACNGTA") == Ids{101, kUnknown, kUnknown, 111, 112}));
  CHECK(encoded(3, "AC").empty());
  CHECK(encoded(3, "").empty());
}

void test_refusals() {
  CHECK(refuses([] { encoded(2, "ACE"); }, "position 2: got 'E'"));
  CHECK(refuses([] { KmerEncoder(0, {1}, 0); }, "expected 1 to 15"));
  CHECK(refuses([] { KmerEncoder(16, {1}, 0); }, "expected 1 to 15"));
  CHECK(refuses([] { KmerEncoder(2, {1, 2, 3}, 0); }, "expected 4^k"));
}

}  // namespace

int main() {
  test_ids();
  test_refusals();
  return exit_code();
}
