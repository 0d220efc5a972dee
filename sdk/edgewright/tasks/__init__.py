"""The tasks. Which exist is said by the families: each names its own."""
