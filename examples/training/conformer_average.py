"""Mix the weights of two runs, of which the second went on from the first.

    python examples/training/conformer_average.py FIRST SECOND --share 0.3 --output FOLDER

What a run gains on some speech it may lose on other; between both there are weights that keep most
of each (Wortsman et al. 2022, arXiv:2109.01903). All but the weights is that of SECOND, chunks and
left context, too; the search is to be tuned again.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

from edgewright_export.models.conformer import (
    StreamingConformerForCTC,
    load_checkpoint,
    save_checkpoint,
)


def average(
    first: StreamingConformerForCTC, second: StreamingConformerForCTC, share: float
) -> StreamingConformerForCTC:
    """Return `second` with `share` (0 to 1) of its own weights and the rest of `first`'s.

    Raises:
        ValueError: the networks have other sizes.
    """
    streaming = {name: getattr(second.config, name) for name in ("chunk_frames", "left_context")}
    wanted = replace(first.config, **streaming)
    if second.config != wanted:
        raise ValueError(
            f"second checkpoint: got {second.config}, expected the sizes of the first, {wanted}; "
            "take two runs of one network"
        )
    before = first.state_dict()
    mixed = {
        name: share * weight + (1.0 - share) * before[name]
        for name, weight in second.state_dict().items()
    }
    second.load_state_dict(mixed)
    return second


def main() -> None:
    """Write the mixed checkpoint folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the second, 0 to 1")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    if not 0.0 <= options.share <= 1.0:
        parser.error(f"--share: got {options.share}, expected 0 to 1; 0.5 is halfway")
    if options.output.exists():
        parser.error(f"--output: got {options.output}, which exists; choose another folder")
    folders = (options.first, options.second)
    for name in ("tokenizer.json", "preprocessor_config.json"):
        if len({(folder / name).read_bytes() for folder in folders}) > 1:
            parser.error(f"{name}: got another in each, expected the same pieces and features")
    mixed = average(*map(load_checkpoint, folders), options.share)
    shutil.copytree(options.second, options.output)
    save_checkpoint(mixed, options.output)
    settings_file = options.output / "edgewright.json"
    settings = json.loads(settings_file.read_text())
    settings.pop("search", None)
    settings_file.write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main()
