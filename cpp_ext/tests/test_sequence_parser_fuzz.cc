// Mutated FASTA and FASTQ: the parser answers or throws std::invalid_argument, and both are the
// same however the bytes are cut into pieces. The sanitizers watch.
#include <algorithm>
#include <random>
#include <string>

#include "core/sequence_parser.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

constexpr int kNumInputs = 5000;

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t limit) { return random() % limit; }

char one_of(Random& random, const std::string& letters) {
  return letters[below(random, letters.size())];
}

std::string letters(Random& random, std::size_t size, const std::string& alphabet) {
  std::string text(size, ' ');
  for (char& letter : text) letter = one_of(random, alphabet);
  return text;
}

std::string fasta(Random& random, const std::string& line_end) {
  std::string text;
  for (std::size_t record = below(random, 3) + 1; record > 0; --record) {
    text += ">" + letters(random, below(random, 20) + 1, "abc|_1") + " words" + line_end;
    const std::size_t width = below(random, 150) + 1;
    for (std::size_t line = below(random, 4) + 1; line > 0; --line) {
      text += letters(random, width, "ACGTACGTACGTNacgtRY") + line_end;
    }
  }
  return text;
}

std::string fastq(Random& random, const std::string& line_end) {
  std::string text;
  for (std::size_t record = below(random, 3) + 1; record > 0; --record) {
    const std::size_t size = below(random, 150) + 1;
    text += "@" + letters(random, below(random, 20) + 1, "abc:_1") + line_end +
            letters(random, size, "ACGTN") + line_end + "+" + line_end +
            letters(random, size, "!I@>+~") + line_end;
  }
  return text;
}

// Changes, inserts, removes or repeats a few bytes, or cuts the end off.
void mutate(Random& random, std::string& text) {
  const std::size_t place = below(random, text.size() + 1);
  const char byte =
      below(random, 4) == 0 ? static_cast<char>(random()) : one_of(random, ">@+\n\r \tACGTEIn-");
  switch (below(random, 5)) {
    case 0:
      if (place < text.size()) text[place] = byte;
      return;
    case 1:
      text.insert(place, 1 + below(random, 3), byte);
      return;
    case 2:
      text.erase(place, 1 + below(random, 3));
      return;
    case 3:
      text.insert(place, text.substr(below(random, text.size() + 1), below(random, 40)));
      return;
    default:
      text.resize(below(random, 8) == 0 ? place : text.size());
  }
}

void add(const std::vector<SequencePiece>& pieces, std::string& result) {
  for (const SequencePiece& piece : pieces) {
    if (piece.start == 0) result += piece.name + "=";
    result += piece.sequence;
    if (piece.last) result += ";";
  }
}

// The records, or the message of the error, of `text` cut into pieces of at most `largest` bytes.
std::string outcome(Random& random, const std::string& text, std::size_t largest) {
  SequenceParser parser;
  std::string result;
  try {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t size = std::min(below(random, largest) + 1, text.size() - begin);
      // A copy of its own, so that the sanitizers see a read behind it.
      const std::vector<char> piece(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                    text.begin() + static_cast<std::ptrdiff_t>(begin + size));
      add(parser.feed(piece.data(), piece.size()), result);
      begin += size;
    }
    add(parser.finish(), result);
  } catch (const std::invalid_argument& error) {
    return std::string("refused: ") + error.what();
  }
  return result;
}

void test_mutated_files() {
  Random random(0);
  int num_refused = 0;
  for (int i = 0; i < kNumInputs; ++i) {
    const std::string line_end = below(random, 3) == 0 ? "\r\n" : "\n";
    std::string text = below(random, 2) == 0 ? fasta(random, line_end) : fastq(random, line_end);
    for (std::size_t count = below(random, 4); count > 0; --count) mutate(random, text);
    const std::string whole = outcome(random, text, std::size_t{1} << 20);
    for (const std::size_t largest : {1, 7, 100}) CHECK(outcome(random, text, largest) == whole);
    num_refused += whole.rfind("refused: ", 0) == 0 ? 1 : 0;
  }
  // Both ways must have been walked often, or the inputs say little.
  CHECK(num_refused > kNumInputs / 5 && num_refused < kNumInputs * 4 / 5);
}

}  // namespace

int main() {
  test_mutated_files();
  return exit_code();
}
