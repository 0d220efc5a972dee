"""Rewrites of traced graphs that compute the same numbers in less time."""

from edgewright_export.rewriting.rewrite import rewrite

__all__ = ["rewrite"]
