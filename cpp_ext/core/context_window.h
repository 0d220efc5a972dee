// The last steps of an episode, as a Decision Transformer reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgewright {

// Where `ContextWindow::copy` writes: float32 and int64 arrays of `context_length` rows.
struct ContextArrays {
  float* states;
  float* actions;
  float* returns_to_go;
  std::int64_t* timesteps;
  std::int64_t* attention_mask;
};

// Keeps the last K steps (return-to-go, state, action) in a ring.
//
// At step t the state is (s_t - mean) / std, the return-to-go is
// (target_return - r_0 - … - r_{t-1}) / return_scale, the timestep is min(t, max_ep_len - 1), and
// the action is zero until `act`. Belongs to one caller at a time.
class ContextWindow {
 public:
  // Throws std::invalid_argument when a size is below 1 or mean and std differ in size.
  ContextWindow(int context_length, std::vector<float> state_mean, std::vector<float> state_std,
                int action_dim, double return_scale, std::int64_t max_ep_len);

  std::size_t context_length() const { return context_length_; }
  std::size_t state_dim() const { return state_mean_.size(); }
  std::size_t action_dim() const { return action_dim_; }

  // Starts an episode.
  void reset(double target_return);

  // Starts a step with its raw state.
  void observe(const float* state);

  // Sets the action of the present step. Throws std::invalid_argument before the first `observe`.
  void act(const float* action);

  // Takes a reward off the return that is still to come.
  void reward(double reward);

  // Writes the window, oldest step first, padded with zeros at the left.
  void copy(const ContextArrays& arrays) const;

 private:
  // Calls copy(slot, row, size) for each run of the ring that holds some of the last `count` steps.
  template <typename Copy>
  void each_run(std::size_t count, Copy copy) const;

  std::size_t context_length_;
  std::vector<float> state_mean_;
  std::vector<float> state_std_;
  std::size_t action_dim_;
  double return_scale_;
  std::int64_t max_ep_len_;
  double return_to_go_ = 0.0;
  std::uint64_t num_steps_ = 0;
  // Rings: step t lies at t % context_length.
  std::vector<float> states_;
  std::vector<float> actions_;
  std::vector<float> returns_to_go_;
};

}  // namespace edgewright
