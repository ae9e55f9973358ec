"""Reads the value of one setting: text of a variable, or a value that the code gives, to the type of the field.

The types of the table are few: int, bool, str, Path, SecretStr, literals, and `Annotated` types with a function that reads their text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from holdfast.settings.table.fields import SecretStr, SettingField

_TRUE = frozenset({"true", "1", "yes", "y", "on", "t"})
_FALSE = frozenset({"false", "0", "no", "n", "off", "f"})


class ReadText(NamedTuple):
    """How the text of an `Annotated` type is read: `read` returns the value, or raises ValueError with what is wrong."""

    read: Callable[[str], Any]


def read_value(field: SettingField, hint: Any, value: Any) -> Any:
    """`value` as the type `hint` within the bounds of `field`. Raises ValueError with what the value must be."""
    if value is None and is_optional(hint):
        return None
    kinds = list(_alternatives(hint))
    if get_origin(kinds[0]) is Annotated:
        base, *notes = get_args(kinds[0])
        for note in notes:
            if isinstance(note, ReadText) and isinstance(value, str):
                value = note.read(value)
        kinds = list(_alternatives(base))
    for kind in kinds:
        known, result = _read_kind(kind, value)
        if known and _is_within(field, result):
            return result
    raise ValueError(f"it must be {' or '.join(_expected(field, kind) for kind in kinds)}")


def is_optional(hint: Any) -> bool:
    """Whether a setting of this type may be unset."""
    return NoneType in get_args(hint)


def _alternatives(hint: Any) -> Iterator[Any]:
    if get_origin(hint) in (Union, UnionType):
        yield from (one for one in get_args(hint) if one is not NoneType)
    else:
        yield hint


def _read_kind(kind: Any, value: Any) -> tuple[bool, Any]:
    """Whether the value is one of this kind, and the value as this kind."""
    if get_origin(kind) is Literal:
        return value in get_args(kind), value
    if isinstance(value, str):
        return _read_text(kind, value)
    if kind is Path:
        return isinstance(value, Path), value
    # A bool is an int for Python, and none for people.
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool)), value


def _read_text(kind: Any, text: str) -> tuple[bool, Any]:
    if kind is bool:
        word = text.strip().lower()
        return word in _TRUE or word in _FALSE, word in _TRUE
    if kind is int:
        try:
            return True, int(text)
        except ValueError:
            return False, None
    if kind in (str, Path, SecretStr):
        return True, kind(text)
    return False, None


def _is_within(field: SettingField, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return True
    least = field.ge if field.gt is None else field.gt + 1
    return (least is None or value >= least) and (field.le is None or value <= field.le)


def _expected(field: SettingField, kind: Any) -> str:
    """What a value of this kind is, for a message."""
    if get_origin(kind) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(kind))
    if kind is int:
        return f"an integer{_bounds(field)}"
    return {bool: "`true` or `false`", Path: "a path"}.get(kind, "a text")


def _bounds(field: SettingField) -> str:
    least = field.ge if field.gt is None else field.gt + 1
    if least is not None and field.le is not None:
        return f" from {least} to {field.le}"
    if least is not None:
        return f" of at least {least}"
    return "" if field.le is None else f" of at most {field.le}"
