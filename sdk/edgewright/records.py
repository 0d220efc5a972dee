"""Strict reading of JSON into frozen dataclasses, and the JSON Schema of such a dataclass.

The dataclass is the single description of a record: `read` refuses what it does not list, `plain`
turns a record back into JSON values, `schema` derives the JSON Schema that is published.
"""

import dataclasses
import math
import types
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from edgewright.errors import BundleError

T = TypeVar("T")
_SCALARS: dict[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def read(kind: type[T], value: Any, where: str) -> T:
    """Return `value` (parsed JSON) as a `kind`, checking every key and type.

    Args:
        kind: A dataclass, or any type that its fields may have: scalars, `tuple[X, ...]`,
            `tuple[X, X]` of one type, `dict[str, X]`, `X | None`, `Literal[...]` of strings, `Any`.
        value: What `json.loads` gave.
        where: Position for messages, such as `manifest.variants[0]`.

    Raises:
        BundleError: A key is missing or unknown, or a value has another type.
    """
    result: T = _read(kind, value, where)
    return result


def _read(kind: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _read_union(arguments, value, where)
    if origin is tuple:
        items = _expect(list, value, where, "a list")
        if arguments[-1] is not Ellipsis and len(items) != len(arguments):
            raise _mismatch(value, where, f"{len(arguments)} values")
        return tuple(_read(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(items))
    if origin is dict:
        entries = _expect(dict, value, where, "an object")
        return {key: _read(arguments[1], item, f"{where}.{key}") for key, item in entries.items()}
    return _read_scalar(kind, value, where)


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    entries = _expect(dict, value, where, "an object")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    hints = get_type_hints(kind)
    unknown = sorted(set(entries) - set(fields))
    missing = sorted(name for name, f in fields.items() if _required(f) and name not in entries)
    if unknown or missing:
        raise BundleError(
            f"{where}: got unknown keys {unknown[:5]} and missing keys {missing}, expected exactly "
            f"{sorted(fields)}; export the bundle again or use the Edgewright that wrote it"
        )
    return kind(**{k: _read(hints[k], item, f"{where}.{k}") for k, item in entries.items()})


def _required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _read_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    for kind in kinds:
        if kind in _SCALARS and type(value) is kind:
            return value
    rest = [kind for kind in kinds if kind is not type(None)]
    return _read(rest[-1], value, where)


def _read_scalar(kind: Any, value: Any, where: str) -> Any:
    if get_origin(kind) is Literal:
        if type(value) is not str or value not in get_args(kind):
            raise _mismatch(value, where, f"one of {list(get_args(kind))}")
        return value
    if kind is float and type(value) is int and abs(value) <= 2**53:
        return float(value)
    if type(value) is not kind:
        raise _mismatch(value, where, _SCALARS[kind])
    if kind is float and not math.isfinite(value):
        raise _mismatch(value, where, "a finite number")
    return value


def _expect(kind: type[T], value: Any, where: str, expected: str) -> T:
    if not isinstance(value, kind):
        raise _mismatch(value, where, expected)
    return value


def _mismatch(value: Any, where: str, expected: str) -> BundleError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return BundleError(
        f"{where}: got {type(value).__name__} {shown}, expected {expected}; export the bundle again"
    )


def plain(record: Any) -> Any:
    """Return `record` as JSON values: objects, lists, numbers, strings, booleans, null."""
    if dataclasses.is_dataclass(record):
        return {f.name: plain(getattr(record, f.name)) for f in dataclasses.fields(record)}
    if isinstance(record, dict):
        return {key: plain(value) for key, value in record.items()}
    if isinstance(record, (tuple, list)):
        return [plain(value) for value in record]
    return record


def schema(kind: Any) -> dict[str, Any]:  # noqa: PLR0911 - one line a kind of type
    """Return the JSON Schema (draft 2020-12 vocabulary) of `kind`, without the `$schema` line."""
    if kind is Any:
        return {}
    if dataclasses.is_dataclass(kind):
        return _dataclass_schema(kind)
    if kind is type(None):
        return {"type": "null"}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema(argument) for argument in arguments]}
    if origin is tuple:
        return {"type": "array", "items": schema(arguments[0])}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema(arguments[1])}
    return {"type": _SCALARS[kind]}


def _dataclass_schema(kind: Any) -> dict[str, Any]:
    fields, hints = dataclasses.fields(kind), get_type_hints(kind)
    return {
        "type": "object",
        "properties": {field.name: schema(hints[field.name]) for field in fields},
        "required": [field.name for field in fields if _required(field)],
        "additionalProperties": False,
    }
