// Mutated ARPA files: the reader answers or throws std::invalid_argument that names a line. The
// sanitizers watch.
#include <random>
#include <stdexcept>
#include <string>

#include "core/ngram.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

constexpr int kNumInputs = 20000;

const std::string kArpa =
    "\\data\\\nngram 1=5\nngram 2=3\nngram 3=1\n\n\\1-grams:\n-1 <s> -0.5\n-1 </s>\n-0.5 a "
    "-0.25\n-0.75\tb\t-0.1\n-2 <unk>\n\n\\2-grams:\n-0.1 <s> a -0.3\n-0.2 a </s>\n-0.4 a b\n\n"
    "\\3-grams:\n-0.3 <s> a b\n\n\\end\\\n";

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t limit) { return random() % limit; }

// Changes, inserts, removes or repeats a few bytes, or cuts the end off.
void mutate(Random& random, std::string& text) {
  const std::string bytes = "0123456789.-+eE \t\r\n\\=:<>/abingrmsd";
  const std::size_t place = below(random, text.size() + 1);
  const char byte =
      below(random, 5) == 0 ? static_cast<char>(random()) : bytes[below(random, bytes.size())];
  switch (below(random, 5)) {
    case 0:
      if (place < text.size()) text[place] = byte;
      return;
    case 1:
      text.insert(place, 1, byte);
      return;
    case 2:
      text.erase(place, below(random, 8));
      return;
    case 3:
      text.insert(place, text.substr(place, below(random, 40)));
      return;
    default:
      if (below(random, 8) == 0) text.resize(place);
  }
}

// Whether the text was read; what was read must give scores that are numbers.
bool read(const std::string& text) {
  try {
    const NgramModel model(text);
    double sum = model.end_log_prob(model.begin_state());
    for (const char* const word : {"a", "b", "nothing"}) {
      sum += model.score(model.begin_state(), model.word_id(word)).log_prob;
    }
    CHECK(sum < 1e-6);
    return true;
  } catch (const std::invalid_argument& error) {
    CHECK(std::string(error.what()).find("line ") != std::string::npos);
    return false;
  }
}

void test_mutated_files() {
  Random random(1);
  int whole = 0;
  for (int i = 0; i < kNumInputs; ++i) {
    std::string text = kArpa;
    for (std::size_t count = below(random, 4) + 1; count > 0; --count) mutate(random, text);
    whole += read(text) ? 1 : 0;
  }
  // Some changes do no harm, most do.
  CHECK(whole > kNumInputs / 100 && whole < kNumInputs / 2);
}

}  // namespace

int main() {
  CHECK(read(kArpa));
  test_mutated_files();
  return exit_code();
}
