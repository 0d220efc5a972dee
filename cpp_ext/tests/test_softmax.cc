#include <cmath>
#include <vector>

#include "core/softmax.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

void test_softmax() {
  const std::vector<float> logits{0.0f, std::log(3.0f), 1000.0f, 1000.0f};
  std::vector<float> probabilities(4);
  softmax(logits.data(), 2, 2, probabilities.data());
  CHECK(std::abs(probabilities[0] - 0.25f) < 1e-7f);
  CHECK(std::abs(probabilities[1] - 0.75f) < 1e-7f);
  CHECK(probabilities[2] == 0.5f && probabilities[3] == 0.5f);
}

void test_top_k_keeps_the_order_of_ties() {
  const std::vector<float> logits{1, 2, 2, 0, 2};
  std::vector<std::int64_t> indices(4);
  std::vector<float> probabilities(4), all(5);
  softmax_top_k(logits.data(), 1, 5, 4, indices.data(), probabilities.data());
  CHECK((indices == std::vector<std::int64_t>{1, 2, 4, 0}));
  softmax(logits.data(), 1, 5, all.data());
  CHECK(probabilities[0] == all[1] && probabilities[3] == all[0]);
}

void test_nothing() {
  softmax(nullptr, 0, 3, nullptr);
  softmax_top_k(nullptr, 0, 3, 2, nullptr, nullptr);
}

}  // namespace

int main() {
  test_softmax();
  test_top_k_keeps_the_order_of_ties();
  test_nothing();
  return exit_code();
}
