"""The search for what may leave fp32 within a budget of accuracy."""
