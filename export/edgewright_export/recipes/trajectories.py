"""Trajectories of an environment as raw samples."""

import zipfile
from pathlib import Path

import numpy as np

from edgewright.errors import InputError, InputNotFoundError
from edgewright.families.decision_transformer import DecisionTransformerConfig
from edgewright.specs import Array
from edgewright_export.subject import Sample

ARRAYS = ("observations", "actions", "rewards", "offsets")


def random_trajectory(
    config: DecisionTransformerConfig, steps: int, generator: np.random.Generator
) -> Sample:
    """Return `steps` states with the statistics of the training data, and random actions."""
    states = np.array(config.state_mean) + np.array(config.state_std) * generator.standard_normal(
        (steps, config.state_dim)
    )
    actions = generator.uniform(
        config.action_low, config.action_high, (steps - 1, config.action_dim)
    )
    target = config.target_return if config.target_return is not None else config.return_scale
    return {
        "states": states.astype(np.float32),
        "actions": actions.astype(np.float32),
        "rewards": generator.uniform(0, 1e-3 * config.return_scale, steps - 1).astype(np.float32),
        "target_return": np.array(target, dtype=np.float32),
    }


def read_trajectories(
    path: Path, config: DecisionTransformerConfig, count: int, generator: np.random.Generator
) -> list[Sample]:
    """Return `count` beginnings of the episodes in `path`, each with its episode's return.

    Args:
        path: `.npz` of `observations (N, S)`, `actions (N, A)`, `rewards (N,)` and
            `offsets (E + 1,)`, the first row of each episode and the end.
        config: Sizes to check.
        count: How many.
        generator: Draws where the beginnings end.

    Raises:
        InputError: The file cannot be used.
    """
    arrays = _read_arrays(path)
    observations, actions, rewards, offsets = (arrays[name] for name in ARRAYS)
    _check(path, arrays, config)
    samples: list[Sample] = []
    for index in range(count):
        start, end = offsets[index % (len(offsets) - 1) :][:2]
        steps = int(generator.integers(1, end - start + 1))
        stop = start + steps
        samples.append(
            {
                "states": observations[start:stop].astype(np.float32),
                "actions": actions[start : stop - 1].astype(np.float32),
                "rewards": rewards[start : stop - 1].astype(np.float32),
                "target_return": np.array(rewards[start:end].sum(), dtype=np.float32),
            }
        )
    return samples


def _read_arrays(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise InputNotFoundError(
            f"trajectories: got {path}, which is no file, expected an .npz; check the path"
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ARRAYS}
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"trajectories: got {path}, which cannot be read ({error}), expected an .npz with the "
            f"arrays {', '.join(ARRAYS)} and no pickles; write it by numpy.savez"
        ) from error


def _check(path: Path, arrays: dict[str, Array], config: DecisionTransformerConfig) -> None:
    offsets, rows = arrays["offsets"], len(arrays["observations"])
    shapes = {name: arrays[name].shape for name in ARRAYS[:3]}
    expected = {
        "observations": (rows, config.state_dim),
        "actions": (rows, config.action_dim),
        "rewards": (rows,),
    }
    if shapes != expected:
        raise InputError(
            f"trajectories: got {path} with the shapes {shapes}, expected {expected}; write them "
            "with one row a step"
        )
    if offsets.ndim != 1 or len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != rows:
        raise InputError(
            f"trajectories: got {path} with offsets {offsets[:5]}, expected the first row of each "
            f"episode, from 0, and {rows} at the end; correct them"
        )
    if np.any(np.diff(offsets) < 1) or not all(np.isfinite(arrays[n]).all() for n in ARRAYS[:3]):
        raise InputError(
            f"trajectories: got {path} with an empty episode, NaN or infinity, expected finite "
            "numbers and at least one step an episode; remove the faulty episodes"
        )
