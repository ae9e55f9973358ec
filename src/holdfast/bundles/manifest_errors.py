"""What is wrong with a manifest, as a list of field paths and expectations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from holdfast.errors import HoldfastError

Issue = dict[str, str]
"""`{"path": …, "message": …}`; the path is `$` for the file as a whole, else such as `api.endpoints[0].path`."""

_EXPECTED = {
    "missing": "this field is required",
    "string_type": "expected text",
    "string_unicode": "expected text that is valid Unicode",
    "list_type": "expected a list",
    "dict_type": "expected an object",
    "model_type": "expected an object",
    "bool_type": "expected true or false",
    "is_instance_of": "expected the name of a capability, such as cap:http.fetch",
}


class ManifestMissing(HoldfastError):
    """Raised when a project or bundle has no `manifest.json` at its root."""

    code = "MANIFEST_NOT_FOUND"
    status = 400


class ManifestError(HoldfastError):
    """Raised when a manifest is not JSON or not valid; `details["issues"]` has every fault, the message the first."""

    code = "INVALID_MANIFEST"
    status = 400

    def __init__(self, issues: Sequence[Issue]) -> None:
        first = issues[0]
        more = f" ({len(issues) - 1} more)" if len(issues) > 1 else ""
        where = "manifest.json" if first["path"] == "$" else f"manifest.json, {first['path']}"
        super().__init__(
            f"{where}: {first['message']}.{more}",
            hint="Correct manifest.json and try again.",
            details={"issues": list(issues)},
        )


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "$"


def _message(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown top-level field '{error['loc'][-1]}'"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"expected {context['expected']}"
    if kind == "string_too_long":
        return f"expected at most {context['max_length']} characters"
    if kind == "too_long":
        return f"expected at most {context['max_length']} entries"
    if kind == "string_pattern_mismatch":
        return "expected 1 to 128 letters, digits, '_', '.' or '-'"
    return _EXPECTED.get(kind, str(error["msg"]))


def issues_of(error: ValidationError) -> list[Issue]:
    """Every fault that pydantic found, in the order of the fields, in this file's words; at most 100."""
    return [{"path": _path(item["loc"]), "message": _message(item)} for item in error.errors(include_url=False, include_input=False)[:100]]
