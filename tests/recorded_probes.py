"""The machines of tests/data/probes, whose README.md says which were recorded."""

import json
from pathlib import Path

from edgewright.probe import Probe
from edgewright.records import read

FOLDER = Path(__file__).parent / "data" / "probes"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def recorded(name: str) -> Probe:
    """Return the machine `name`."""
    return read(Probe, json.loads((FOLDER / f"{name}.json").read_text()), name)
