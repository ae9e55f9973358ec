"""Manifest bytes to a JSON object: strict UTF-8 JSON without repeated fields, faults named by line and column."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from holdfast.bundles.manifest_errors import ManifestError

MANIFEST_MAX_BYTES = 1024 * 1024


def _fail(message: str) -> NoReturn:
    raise ManifestError([{"path": "$", "message": message}])


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A repeated field is refused: two readers could each believe another one of the two values."""
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        _fail(f"the field {next(name for name in names if names.count(name) > 1)!r} is there twice in one object")
    return value


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw` (UTF-8, a byte order mark is tolerated). Raises ManifestError for anything else."""
    if len(raw) > MANIFEST_MAX_BYTES:
        _fail(f"expected at most {MANIFEST_MAX_BYTES} bytes, found {len(raw)}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _fail(f"expected UTF-8 text; byte {error.start} is not")
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=lambda name: _fail(f"{name} is not JSON"))
        # An escape such as \ud800 alone is JSON but no text: it could not be stored or sent on.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except json.JSONDecodeError as error:
        _fail(f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}")
    except RecursionError:
        _fail("nested too deeply")
    except UnicodeEncodeError:
        _fail("holds an escape such as \\ud800 that is no Unicode character")
    except ValueError:
        _fail("holds a number that is too large")
    if not isinstance(value, dict):
        _fail("expected a JSON object")
    return value
