#include "core/context_window.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace edgewright {

ContextWindow::ContextWindow(int context_length, std::vector<float> state_mean,
                             std::vector<float> state_std, int action_dim, double return_scale,
                             std::int64_t max_ep_len)
    : context_length_(static_cast<std::size_t>(std::max(context_length, 0))),
      state_mean_(std::move(state_mean)),
      state_std_(std::move(state_std)),
      action_dim_(static_cast<std::size_t>(std::max(action_dim, 0))),
      return_scale_(return_scale),
      max_ep_len_(max_ep_len) {
  if (context_length < 1 || action_dim < 1 || max_ep_len < 1 || state_mean_.empty() ||
      state_mean_.size() != state_std_.size()) {
    throw std::invalid_argument(
        "context window: got an empty size or a mean and a standard deviation of different sizes");
  }
  states_.resize(context_length_ * state_dim());
  actions_.resize(context_length_ * action_dim_);
  returns_to_go_.resize(context_length_);
}

void ContextWindow::reset(double target_return) {
  num_steps_ = 0;
  return_to_go_ = target_return;
}

void ContextWindow::observe(const float* state) {
  const std::size_t slot = num_steps_ % context_length_;
  for (std::size_t i = 0; i < state_dim(); ++i) {
    states_[slot * state_dim() + i] = (state[i] - state_mean_[i]) / state_std_[i];
  }
  std::fill_n(actions_.data() + slot * action_dim_, action_dim_, 0.0f);
  returns_to_go_[slot] = static_cast<float>(return_to_go_ / return_scale_);
  ++num_steps_;
}

void ContextWindow::act(const float* action) {
  if (num_steps_ == 0) throw std::invalid_argument("act: got no state, expected observe first");
  const std::size_t slot = (num_steps_ - 1) % context_length_;
  std::copy_n(action, action_dim_, actions_.data() + slot * action_dim_);
}

void ContextWindow::reward(double reward) { return_to_go_ -= reward; }

// The kept steps lie in two runs of the ring: from the oldest to its end, and from its start on.
template <typename Copy>
void ContextWindow::each_run(std::size_t count, Copy copy) const {
  const std::size_t oldest = (num_steps_ - count) % context_length_;
  const std::size_t size = std::min(count, context_length_ - oldest);
  const std::size_t row = context_length_ - count;
  copy(oldest, row, size);
  copy(0, row + size, count - size);
}

void ContextWindow::copy(const ContextArrays& arrays) const {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(num_steps_, context_length_));
  const std::size_t padding = context_length_ - count;
  std::fill_n(arrays.states, padding * state_dim(), 0.0f);
  std::fill_n(arrays.actions, padding * action_dim_, 0.0f);
  std::fill_n(arrays.returns_to_go, padding, 0.0f);
  std::fill_n(arrays.timesteps, padding, 0);
  std::fill_n(arrays.attention_mask, padding, 0);
  std::fill_n(arrays.attention_mask + padding, count, 1);
  each_run(count, [&](std::size_t slot, std::size_t row, std::size_t size) {
    const auto copy_rows = [=](const std::vector<float>& ring, std::size_t width, float* output) {
      std::copy_n(ring.data() + slot * width, size * width, output + row * width);
    };
    copy_rows(states_, state_dim(), arrays.states);
    copy_rows(actions_, action_dim_, arrays.actions);
    copy_rows(returns_to_go_, 1, arrays.returns_to_go);
  });
  for (std::size_t i = 0; i < count; ++i) {
    const auto step = static_cast<std::int64_t>(num_steps_ - count + i);
    arrays.timesteps[padding + i] = std::min(step, max_ep_len_ - 1);
  }
}

}  // namespace edgewright
