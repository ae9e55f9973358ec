"""Checks the arguments of host functions. A wrong one would end the call in native code, where no handler can catch it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

MAX_COUNT = 2**31 - 1
MAX_REVISION = 2**63 - 1


def text(value: Any, what: str) -> str:
    """Raises TypeError unless `value` is text."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be text, not {type(value).__name__}")
    return value


def optional_text(value: Any, what: str) -> str | None:
    return None if value is None else text(value, what)


def optional_flag(value: Any, what: str) -> bool | None:
    """Raises TypeError unless `value` is True, False or None."""
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{what} must be True or False, not {type(value).__name__}")
    return value


def optional_count(value: Any, what: str, *, maximum: int = MAX_COUNT) -> int | None:
    """Raises TypeError unless `value` is an int or None, ValueError unless it is from 0 to `maximum`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be a whole number, not {type(value).__name__}")
    if not 0 <= value <= maximum:
        raise ValueError(f"{what} must be from 0 to {maximum}")
    return value


def decimal(value: Any, what: str) -> float:
    """Raises TypeError unless `value` is a number, ValueError for infinity and NaN."""
    if isinstance(value, (bool, str)):
        raise TypeError(f"{what} must be a number, not {type(value).__name__}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{what} must be a finite number")
    return number


def optional_case(value: Any, cases: Any, what: str) -> Any:
    """The case of an enum of the WIT world by its name in lower case. Raises ValueError for any other name."""
    if value is None:
        return None
    names = [case.name.lower() for case in cases]
    if value not in names:
        raise ValueError(f"{what} must be one of {', '.join(names)}")
    return cases[value.upper()]


def content(value: Any, what: str) -> bytes:
    """Bytes as they are, text as UTF-8. Raises TypeError for anything else."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"{what} must be bytes or text, not {type(value).__name__}")


def header_pairs(headers: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Headers as pairs of text, in order. A value may be a number. Raises TypeError."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found = [(text(name, "A header name"), value) for name, value in pairs]
    return [(name, str(value) if isinstance(value, (int, float)) else text(value, f"Header {name}")) for name, value in found]
