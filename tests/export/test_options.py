"""Options in `edgewright.json` and in the file of `--options`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoint_layouts import HOPPER_OPTIONS, edit_json
from edgewright.errors import CheckpointError, CheckpointNotFoundError
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.recipes import RECIPES

Tiny = Callable[[str], Path]


def policy_config(folder: Path, **arguments: Any) -> Any:
    return RECIPES["decision_transformer"].load(Checkpoint(folder, **arguments)).config


def test_options_file_wins_over_the_checkpoint(tiny: Tiny, tmp_path: Path) -> None:
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"return_scale": 5, "name": "mine"}))
    checkpoint = Checkpoint(tiny("hopper"), options=more)
    assert checkpoint.common.name == "mine"
    assert RECIPES["decision_transformer"].load(checkpoint).config.return_scale == 5.0


def test_defaults_come_from_the_model(tiny: Tiny) -> None:
    config = policy_config(tiny("hopper"))
    assert (config.max_ep_len, config.action_low, config.action_high) == (
        50,
        (-1.0,) * 3,
        (1.0,) * 3,
    )
    assert config.state_std == tuple(HOPPER_OPTIONS["state_std"])


def test_missing_statistics_are_asked_for(tiny: Tiny) -> None:
    folder = tiny("hopper")
    (folder / "edgewright.json").unlink()
    with pytest.raises(CheckpointError, match=r"got no state_mean, state_std.*model card"):
        policy_config(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stat_mean": [1]}, "unknown options \\['stat_mean'\\]"),
        ({"k": 3}, "unknown options"),
        ({"state_mean": "zero"}, "state_mean.*got str"),
        ({"state_mean": [0.0]}, "got 1 numbers as state_mean, expected 11"),
        ({"state_std": [0.0] * 11}, "numbers above 0"),
        ({"context_length": 0}, "at least 1"),
        ({"return_scale": -1}, "above 0"),
        ({"max_ep_len": 51}, "1 … 50"),
        ({"action_low": [2.0] * 3}, "lower limit below"),
        ({"licenses": {"weight": ["MIT"]}}, "unknown keys"),
    ],
)
def test_wrong_options_are_named(change: dict[str, Any], words: str, tiny: Tiny) -> None:
    folder = tiny("hopper")
    edit_json(folder / "edgewright.json", **change)
    with pytest.raises(CheckpointError, match=words):
        policy_config(folder)


def test_unbounded_actions_need_limits(tiny: Tiny) -> None:
    folder = tiny("hopper")
    edit_json(folder / "config.json", action_tanh=False)
    with pytest.raises(CheckpointError, match="action_low and action_high"):
        policy_config(folder)


def test_missing_options_file_is_named(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match=r"absent\.json"):
        Checkpoint(tiny("vit"), options=tmp_path / "absent.json")
