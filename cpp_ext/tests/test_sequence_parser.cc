#include "core/sequence_parser.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

// Parses `text` in pieces of `size` bytes and writes records as "name=SEQUENCE;".
std::string parsed(const std::string& text, std::size_t size) {
  SequenceParser parser;
  std::string result;
  std::uint64_t num_bases = 0;
  const auto add = [&](const std::vector<SequencePiece>& pieces) {
    for (const SequencePiece& piece : pieces) {
      CHECK(!piece.sequence.empty() && piece.start == num_bases);
      if (piece.start == 0) result += piece.name + "=";
      result += piece.sequence;
      num_bases = piece.last ? 0 : num_bases + piece.sequence.size();
      if (piece.last) result += ";";
    }
  };
  for (std::size_t i = 0; i < text.size(); i += size) {
    const std::string part = text.substr(i, size);
    add(parser.feed(part.data(), part.size()));
  }
  add(parser.finish());
  return result;
}

void test_pieces_of_any_size() {
  const std::string fasta = "\r\n>a b\r\nacG\r\n\r\nTn\n>c\nA A\nR";
  const std::string fastq = "@a x\nACG\n+\n@>I\n\n@b\r\nT\r\n+b\r\n~\r\n";
  for (std::size_t size = 1; size < 40; ++size) {
    CHECK(parsed(fasta, size) == "a=ACGTN;c=AAR;");
    CHECK(parsed(fastq, size) == "a=ACG;b=T;");
  }
}

void test_refusals() {
  const std::pair<const char*, const char*> faults[] = {
      {"", "got no record"},
      {"AC", "line 1, column 1: got a line without a header"},
      {">a\n>b\nA", "record 'a', line 2, column 1: got no bases"},
      {">a\nAE", "record 'a', line 2, column 2: got 'E'"},
      {">a\nA\rC", "carriage return inside a line"},
      {">\nA", "header without a name"},
      {"@a\nAC\n+\nI\n", "got 1 quality values for 2 bases"},
      {"@a\nAC\nI", "without '+'"},
      {"@a\nAC\n\n", "blank line"},
      {"@a\nAC\n+\n", "got 0 quality values"},
      {"@a\nAC\n", "end of the file"},
      {"@a\nAC\n+\nI\x7f\n", "quality value outside"},
  };
  for (const auto& [text, part] : faults) {
    for (const std::size_t size : {1, 2, 100}) {
      CHECK(refuses([&, text = text, size] { parsed(text, size); }, part));
    }
  }
}

}  // namespace

int main() {
  test_pieces_of_any_size();
  test_refusals();
  return exit_code();
}
