"""Parses manifest bytes to a JSON object: strict UTF-8 JSON without repeated fields. Errors have line and column."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from holdfast.bundles.manifest.parsing.errors import ManifestError, make_issue
from holdfast.bundles.manifest.parsing.positions import Position, Positions

MANIFEST_MAX_BYTES = 1024 * 1024


def read_json_object(raw: bytes) -> tuple[dict[str, Any], str]:
    """The JSON object in `raw` (UTF-8, with or without a byte order mark) and its text. Raises ManifestError for anything else."""
    if len(raw) > MANIFEST_MAX_BYTES:
        _fail(f"expected at most {MANIFEST_MAX_BYTES} bytes, found {len(raw)}")
    try:
        text = raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        _fail(f"expected UTF-8 text, found another byte at position {error.start}", _end_of(before))
    repeats = False

    def to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeats
        value = dict(pairs)
        repeats = repeats or len(value) != len(pairs)
        return value

    try:
        value = json.loads(text, object_pairs_hook=to_object, parse_constant=lambda name: _fail(f"{name} is not JSON"))
        # A lone escape such as \ud800 is valid JSON but not valid text: it could not be stored or sent.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except json.JSONDecodeError as error:
        at = _position_of(error, text)
        _fail(
            f"not valid JSON at line {at.line}, column {at.column}: {_describe(error, text)}",
            at,
            expected=error.msg.removeprefix("Expecting ") if error.msg.startswith("Expecting ") else None,
        )
    except RecursionError:
        _fail("nested too deeply")
    except UnicodeEncodeError:
        _fail("contains an escape such as \\ud800 that is not a Unicode character")
    except ValueError:
        _fail("contains a number that is too large")
    if repeats:
        # Two parsers could each use a different one of the two values.
        raise ManifestError(
            [
                make_issue(path, "the field appears twice in one object", expected="every field once", at=at)
                for path, at in Positions(text).repeated
            ]
        )
    if not isinstance(value, dict):
        _fail("expected a JSON object", Positions(text).value_at(()), expected="a JSON object")
    return value, text


def _fail(message: str, at: Position | None = None, expected: str | None = None) -> NoReturn:
    raise ManifestError([make_issue((), message, expected=expected, at=at)])


def _describe(error: json.JSONDecodeError, text: str) -> str:
    """The parser's message. For a trailing comma the parser reports the bracket after it, so this names the comma."""
    if _bracket_after_comma(error, text) is not None:
        return "a comma before the closing bracket"
    return error.msg[:1].lower() + error.msg[1:]


def _position_of(error: json.JSONDecodeError, text: str) -> Position:
    """Where the error is; for a trailing comma the bracket after it, on every version of Python."""
    bracket = _bracket_after_comma(error, text)
    return Position(error.lineno, error.colno) if bracket is None else _end_of(text[:bracket])


def _bracket_after_comma(error: json.JSONDecodeError, text: str) -> int | None:
    """The index of a closing bracket that follows a comma. Before Python 3.13 the parser reports the bracket, since then the comma."""
    start = error.pos + text.startswith(",", error.pos)
    index = len(text) - len(text[start:].lstrip())
    is_trailing = text[:start].rstrip().endswith(",") and text[index : index + 1] in {"}", "]"}
    return index if is_trailing else None


def _end_of(text: str) -> Position:
    line = text.count("\n")
    return Position(line + 1, len(text) - text.rfind("\n"))
