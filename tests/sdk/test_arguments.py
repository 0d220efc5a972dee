"""Arguments of a wrong type: refused by name, in every call that takes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewright as ew
from edgewright.arguments import names, whole_number
from edgewright.errors import UsageError
from edgewright.sequence import read_records, read_windows


def test_whole_numbers_come_from_python_or_numpy() -> None:
    assert [whole_number("n", value, "any") for value in (2, np.int64(2), np.uint8(2))] == [2, 2, 2]
    for value in (True, np.bool_(True), 1.0, "1", None, [1]):
        with pytest.raises(UsageError, match=r"n: got .*, expected any; pass a whole number"):
            whole_number("n", value, "any")


def test_one_text_is_no_list_of_names() -> None:
    assert names("variants", ("fp32", "int8")) == ["fp32", "int8"]
    for value in ("fp32", 5, [5]):
        with pytest.raises(UsageError, match=r"variants: got .*, expected a list of names"):
            names("variants", value)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [None, 5, b"x", ""])
@pytest.mark.parametrize("call", [ew.load, ew.verify, ew.Bundle.open])
def test_a_bundle_is_named_by_text_or_path(call: Callable[[Any], Any], path: object) -> None:
    with pytest.raises(UsageError, match=r"bundle: got .*, expected the path of a bundle"):
        call(path)


def test_other_options_of_a_wrong_type_are_named(tiny: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected_digest: got 5"):
        ew.load(tiny["vit"], expected_digest=5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"threads: got True"):
        ew.load(tiny["vit"], threads=True)
    assert ew.load(tiny["vit"], threads=np.int64(1)).runtime.threads == 1  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"variants: got 'fp32'"):
        ew.pack(tiny["vit"], tmp_path / "slim.edge", variants="fp32")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"window": "a"}, {"stride": 1.5}, {"batch": "x"}], ids=str)
def test_sizes_of_a_scan_are_whole_numbers(
    tiny: dict[str, Path], options: dict[str, object]
) -> None:
    ((name, value),) = options.items()
    with pytest.raises(UsageError, match=f"{name}: got {value!r}"):
        ew.load(tiny["dnabert"]).scan("any.fa", **options)


def test_sizes_of_readers_are_whole_numbers() -> None:
    with pytest.raises(UsageError, match=r"stride: got 1.5"):
        next(read_windows("any.fa", 10, 1.5))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"chunk_size: got '1'"):
        next(read_records("any.fa", "1"))  # type: ignore[arg-type]
