"""The bundle format: what lies on disk, how it is read, checked, written and slimmed.

`manifest.py` has the records of `manifest.json`, `rules.py` what ties them together, `reader.py`
and `writer.py` the two ends, `archive.py` the zip form; docs/bundle-format.md describes it all.
"""

from edgewright.bundle.reader import Bundle, Check
from edgewright.bundle.writer import BundleWriter

__all__ = ["Bundle", "BundleWriter", "Check"]
