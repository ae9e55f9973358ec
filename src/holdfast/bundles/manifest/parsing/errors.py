"""The errors of a manifest: for each problem the field, its line, and what was expected there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.bundles.manifest.parsing.positions import Path, Position
from holdfast.errors import HoldfastError

Issue = dict[str, Any]
"""`path` (`$` for the whole file, otherwise such as `api.endpoints[0].path`), `message`, and if known `expected`, `line`, `column`."""

SHOWN_ISSUES = 10


class Expected(ValueError):
    """Raised by the validators of values. `expected` completes “expected …”.

    `at` is the path from the validated value to the invalid one in it. `found` is reported instead of the value itself.
    """

    def __init__(self, expected: str, *, at: Path = (), found: str | None = None) -> None:
        super().__init__(expected)
        self.expected = expected
        self.at = at
        self.found = found


class ManifestMissing(HoldfastError):
    """Raised when a project or bundle has no `manifest.json` at its root."""

    code = "MANIFEST_NOT_FOUND"
    status = 400


class ManifestError(HoldfastError):
    """Raised when a manifest is invalid. `details["issues"]` has every problem, the message the first one, `str` the first ten."""

    code = "INVALID_MANIFEST"
    status = 400

    def __init__(self, issues: Sequence[Issue]) -> None:
        more = f" ({len(issues) - 1} more)" if len(issues) > 1 else ""
        super().__init__(
            f"{_line(issues[0])}{more}",
            hint="Correct manifest.json and try again.",
            details={"issues": list(issues)},
        )

    def __str__(self) -> str:
        issues = self.details["issues"]
        if len(issues) == 1:
            return super().__str__()
        hidden = [f"and {len(issues) - SHOWN_ISSUES} more."] if len(issues) > SHOWN_ISSUES else []
        return "\n".join([*map(_line, issues[:SHOWN_ISSUES]), *hidden, str(self.hint)])


def format_path(path: Path) -> str:
    """A path as text: `api.endpoints[0].path`; `$` for the whole file."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "$"


def make_issue(path: Path, message: str, *, expected: str | None = None, at: Position | None = None) -> Issue:
    """One problem in the form of `details["issues"]`."""
    found: Issue = {"path": format_path(path), "message": message}
    if expected is not None:
        found["expected"] = expected
    if at is not None:
        found |= {"line": at.line, "column": at.column}
    return found


def _line(issue: Issue) -> str:
    line = f":{issue['line']}" if "line" in issue else ""
    where = "" if issue["path"] == "$" else f" {issue['path']}:"
    text = f"manifest.json{line}:{where} {issue['message']}."
    # Names and values come from an untrusted bundle, and terminals interpret control characters.
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)
