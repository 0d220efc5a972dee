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

void ContextWindow::copy(const ContextArrays& arrays) const {
  const std::uint64_t count = std::min<std::uint64_t>(num_steps_, context_length_);
  const std::size_t padding = context_length_ - static_cast<std::size_t>(count);
  std::fill_n(arrays.states, padding * state_dim(), 0.0f);
  std::fill_n(arrays.actions, padding * action_dim_, 0.0f);
  std::fill_n(arrays.returns_to_go, padding, 0.0f);
  std::fill_n(arrays.timesteps, padding, 0);
  std::fill_n(arrays.attention_mask, padding, 0);
  for (std::size_t row = padding; row < context_length_; ++row) {
    const std::uint64_t step = num_steps_ - context_length_ + row;
    const std::size_t slot = step % context_length_;
    std::copy_n(states_.data() + slot * state_dim(), state_dim(),
                arrays.states + row * state_dim());
    std::copy_n(actions_.data() + slot * action_dim_, action_dim_,
                arrays.actions + row * action_dim_);
    arrays.returns_to_go[row] = returns_to_go_[slot];
    arrays.timesteps[row] = std::min(static_cast<std::int64_t>(step), max_ep_len_ - 1);
    arrays.attention_mask[row] = 1;
  }
}

}  // namespace edgewright
