#include "core/context_window.h"
#include "tests/check.h"

using namespace edgewright;

namespace {

struct Copied {
  std::vector<float> states, actions, returns_to_go;
  std::vector<std::int64_t> timesteps, attention_mask;
};

Copied copied(const ContextWindow& context) {
  const std::size_t length = context.context_length();
  Copied result{std::vector<float>(length * context.state_dim(), -1),
                std::vector<float>(length * context.action_dim(), -1),
                std::vector<float>(length, -1), std::vector<std::int64_t>(length, -1),
                std::vector<std::int64_t>(length, -1)};
  context.copy({result.states.data(), result.actions.data(), result.returns_to_go.data(),
                result.timesteps.data(), result.attention_mask.data()});
  return result;
}

void test_episode() {
  ContextWindow context(3, {1, 0}, {2, 1}, 1, 10.0, 3);
  CHECK((copied(context).attention_mask == std::vector<std::int64_t>{0, 0, 0}));
  context.reset(50);
  const float states[][2] = {{1, 5}, {3, 6}, {5, 7}, {7, 8}, {9, 9}};
  for (int step = 0; step < 5; ++step) {
    context.observe(states[step]);
    if (step == 1) {
      const Copied early = copied(context);
      CHECK((early.states == std::vector<float>{0, 0, 0, 5, 1, 6}));
      CHECK((early.attention_mask == std::vector<std::int64_t>{0, 1, 1}));
      CHECK((early.returns_to_go == std::vector<float>{0, 5, 4}));
    }
    if (step == 4) break;
    const float action = static_cast<float>(step + 1);
    context.act(&action);
    context.reward(10);
  }
  const Copied late = copied(context);
  CHECK((late.states == std::vector<float>{2, 7, 3, 8, 4, 9}));
  CHECK((late.actions == std::vector<float>{3, 4, 0}));
  CHECK((late.returns_to_go == std::vector<float>{3, 2, 1}));
  CHECK((late.timesteps == std::vector<std::int64_t>{2, 2, 2}));
}

void test_refusals() {
  CHECK(refuses([] { ContextWindow(0, {1}, {1}, 1, 1, 1); }, "empty size"));
  CHECK(refuses([] { ContextWindow(1, {1}, {1, 2}, 1, 1, 1); }, "different sizes"));
  CHECK(refuses([] { ContextWindow(1, {}, {}, 1, 1, 1); }, "empty size"));
  CHECK(refuses(
      [] {
        const float action = 0;
        ContextWindow(1, {1}, {1}, 1, 1, 1).act(&action);
      },
      "expected observe first"));
}

}  // namespace

int main() {
  test_episode();
  test_refusals();
  return exit_code();
}
