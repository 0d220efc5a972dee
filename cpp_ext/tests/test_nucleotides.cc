#include "core/nucleotides.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

std::string reversed(const std::string& sequence) {
  std::string output(sequence.size(), '\0');
  reverse_complement(sequence.data(), sequence.size(), output.data());
  return output;
}

void test_codes() {
  CHECK(kNucleotideCodes['A'] == 0 && kNucleotideCodes['c'] == 1);
  CHECK(kNucleotideCodes['G'] == 2 && kNucleotideCodes['t'] == 3);
  CHECK(kNucleotideCodes['N'] == kAmbiguous && kNucleotideCodes['b'] == kAmbiguous);
  for (const char letter : std::string("EFIJLOPQUXZ*-. >@\n")) {
    CHECK(kNucleotideCodes[static_cast<unsigned char>(letter)] == kNoNucleotide);
  }
}

void test_reverse_complement() {
  CHECK(reversed("").empty());
  CHECK(reversed("AACGTn") == "nACGTT");
  CHECK(reversed("RYSWKMBDHVN") == "NBDHVKMWSRY");
  CHECK(refuses([] { reversed("AC-"); }, "position 2: got '-'"));
  CHECK(refuses([] { reversed("U"); }, "write T for U"));
  CHECK(refuses([] { reversed("\xff"); }, "byte 0xFF"));
}

}  // namespace

int main() {
  test_codes();
  test_reverse_complement();
  return exit_code();
}
