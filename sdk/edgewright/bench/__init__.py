"""Measuring: the one place of the statistics that every printed ratio uses."""
