#include "core/window_slicer.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

// Writes the windows of `sequence`, pushed in pieces of `size`, as "start-end:BASES ".
std::string sliced(WindowSlicer& slicer, const std::string& sequence, std::size_t size) {
  std::string result;
  for (std::size_t i = 0; i < sequence.size(); i += size) {
    const std::string piece = sequence.substr(i, size);
    slicer.push(piece.data(), piece.size(), i + size >= sequence.size());
    while (const auto window = slicer.next()) {
      result += std::to_string(window->start) + "-" + std::to_string(window->end) + ":" +
                window->sequence + " ";
    }
  }
  return result;
}

void test_windows() {
  for (std::size_t size = 1; size < 12; ++size) {
    WindowSlicer slicer(4, 3);
    CHECK(sliced(slicer, "ABCDEFG", size) == "0-4:ABCD 3-7:DEFG ");
    CHECK(sliced(slicer, "ABCDEFGHI", size) == "0-4:ABCD 3-7:DEFG 5-9:FGHI ");
    CHECK(sliced(slicer, "ABCD", size) == "0-4:ABCD ");
    CHECK(sliced(slicer, "ABC", size) == "0-3:ABC ");
    WindowSlicer sparse(2, 5);
    CHECK(sliced(sparse, "ABCDEFGH", size) == "0-2:AB 5-7:FG 6-8:GH ");
    CHECK(sliced(sparse, "ABC", size) == "0-2:AB 1-3:BC ");
  }
}

void test_refusals() {
  CHECK(refuses([] { WindowSlicer(0, 1); }, "expected at least 1"));
  CHECK(refuses([] { WindowSlicer(1, 0); }, "expected at least 1"));
}

}  // namespace

int main() {
  test_windows();
  test_refusals();
  return exit_code();
}
