"""Networks of our own checkpoints, in PyTorch."""
