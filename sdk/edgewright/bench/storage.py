"""Results and samples of runs as files."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edgewright.bench.result import FORMAT, FORMAT_VERSION, BenchResult, Sample
from edgewright.errors import BundleError, InputError, InputNotFoundError
from edgewright.output_file import complete_file
from edgewright.records import plain, read
from edgewright.strict_json import parse


def write_result(results: Sequence[BenchResult], path: Path) -> None:
    """Write results as a JSON list."""
    with complete_file(path) as file:
        file.write_text(json.dumps([plain(one) for one in results], indent=1) + "\n", "utf-8")


def write_samples(measured: Iterable[tuple[BenchResult, Sequence[Sample]]], path: Path) -> None:
    """Write every sample as a line of JSON; `result` is the index of its result."""
    with complete_file(path) as file, file.open("w", encoding="utf-8") as lines:
        for result, (_, samples) in enumerate(measured):
            for sample in samples:
                lines.write(json.dumps({"result": result, **sample._asdict()}) + "\n")


def read_runs(results: Path, samples: Path) -> list[tuple[BenchResult, list[Sample]]]:
    """Read what `write_result` and `write_samples` wrote of the same runs.

    Raises:
        InputNotFoundError: A file does not exist.
        InputError: A file is damaged, of another format or version, or of other runs.
    """
    found: list[tuple[BenchResult, list[Sample]]] = [
        (_result(value, f"{results}[{index}]"), [])
        for index, value in enumerate(_list(_parsed(_bytes(results), str(results)), results))
    ]
    for number, line in enumerate(_bytes(samples).splitlines(), 1):
        where = f"{samples}, line {number}"
        value = _parsed(line, where)
        index, sample = _sample(value, where)
        if not 0 <= index < len(found):
            raise _broken(where, f"result {index}", f"one of the {len(found)} of {results}")
        found[index][1].append(sample)
    for result, kept in found:
        if result.queries != len(kept):
            raise _broken(str(samples), f"{len(kept)} samples", f"{result.queries} as {results}")
    return found


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputNotFoundError(
            f"runs: got '{path}', which does not exist, expected a file of `edgewright bench`; "
            "check the path"
        ) from error


def _parsed(data: bytes, where: str) -> Any:
    try:
        return parse(data, where)
    except BundleError as error:
        raise _broken(where, str(error), "JSON") from error


def _list(value: Any, path: Path) -> list[Any]:
    if not isinstance(value, list):
        raise _broken(str(path), type(value).__name__, "a list of results")
    return value


def _result(value: Any, where: str) -> BenchResult:
    kind = (value.get("format"), value.get("format_version")) if isinstance(value, dict) else None
    if kind != (FORMAT, FORMAT_VERSION):
        raise _broken(where, f"format {kind}", f"{(FORMAT, FORMAT_VERSION)}")
    try:
        return read(BenchResult, value, where)
    except BundleError as error:
        raise _broken(where, str(error).rpartition(";")[0], "a result") from error


def _sample(value: Any, where: str) -> tuple[int, Sample]:
    known = {"result", *Sample._fields}
    needed = known - set(Sample._field_defaults)  # older files lack some of the others
    if not isinstance(value, dict) or not needed <= set(value) <= known:
        raise _broken(where, repr(value)[:60], f"an object of {sorted(known)}")
    if type(value["result"]) is not int:
        raise _broken(where, repr(value["result"])[:60], "a whole number")
    value = {**Sample._field_defaults, **value}
    numbers = [value[name] for name in Sample._fields[1:] if value[name] is not None]
    if not all(isinstance(number, (int, float)) for number in numbers):
        raise _broken(where, repr(numbers)[:60], "numbers")
    return value["result"], Sample(*(value[name] for name in Sample._fields))


def _broken(where: str, got: str, expected: str) -> InputError:
    return InputError(
        f"{where}: got {got}, expected {expected}; pass both files of one `edgewright bench`"
    )
