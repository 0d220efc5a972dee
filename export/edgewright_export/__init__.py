"""Edgewright's exporter: a PyTorch checkpoint goes in, a verified bundle comes out.

from edgewright_export.export import export

export("checkpoints/my-vit", "my-vit.edge", evaluation="images/")
"""
