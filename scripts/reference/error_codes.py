"""docs/reference/error-codes.md: every error code with cause and remedy, from error_codes.toml; and the codes that the source defines."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from holdfast.bundles.archive.errors import EXTRACT_RULES
from holdfast.bundles.store.errors import STORE_RULES
from holdfast.engine import FailureCode
from holdfast.gateway.auth.refusals import AVAILABILITY_RULES, ENDPOINT_RULES, FORBIDDEN_RULES
from holdfast.hostcalls.network.denials import DENIAL_RULES

TABLE = Path(__file__).with_name("error_codes.toml")
SOURCE = Path(__file__).parents[2] / "src" / "holdfast"

HEAD = """# Error codes

An error response of the HTTP API, and a command with `--json`, name a code that never changes. The sentences may change. The shape is
`{"error": code, "message": sentence, "hint": next step, "details": …}`; `hint` and `details` may be absent. Codes in capitals and codes of
internal APIs keep the spelling that existing clients expect.

A failed call also has an `x-request-id`; the debug page and the logs show the same id."""


RULES: dict[str, Mapping[str, str]] = {
    "extension_not_available": AVAILABILITY_RULES,
    "endpoint_not_found": ENDPOINT_RULES,
    "forbidden": FORBIDDEN_RULES,
    "extract_failed": EXTRACT_RULES,
    "bundle_store_unavailable": STORE_RULES,
    "not-allowed": {str(rule): cause for rule, cause in DENIAL_RULES.items()},
}

RULES_HEAD = """## Rules

These codes have several causes. `details.rule` names the cause; a call without a response has it in the `details.rule` of
`bundle_fetch_failed`. Where the code of a bundle's error says it all, such as `signature_revoked`, the rule is that code.
`not-allowed` is what a guest's `http.fetch` gets: the rule is at the end of the event in the debug stream."""


def page() -> str:
    """The page as Markdown."""
    sections = [_section(area, codes) for area, codes in table().items()]
    return "\n\n".join([HEAD, *sections, RULES_HEAD, *(_rules(code, rules) for code, rules in RULES.items())]) + "\n"


def table() -> dict[str, dict[str, dict[str, str]]]:
    """The codes by area, each with `status`, `cause` and `remedy`."""
    return tomllib.loads(TABLE.read_text())


def _section(area: str, codes: dict[str, dict[str, str]]) -> str:
    rows = [f"| `{code}` | {entry['status']} | {entry['cause']} | {entry['remedy']} |" for code, entry in codes.items()]
    return "\n".join([f"## {area}", "", "| Code | Status | Cause | Remedy |", "|---|---|---|---|", *rows])


def _rules(code: str, rules: Mapping[str, str]) -> str:
    rows = [f"| `{rule}` | {cause} |" for rule, cause in rules.items()]
    return "\n".join([f"`{code}`:", "", "| Rule | Cause |", "|---|---|", *rows])


def codes_in_source() -> set[str]:
    """Every error code that the source defines: as class attribute, in a table of a CodedError, as an argument `code=`, or as a failure."""
    found = {code.value for code in FailureCode}
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            found.update(_codes(node))
    return found


def _codes(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef):
        for statement in node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
                    yield code
                case ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code))):
                    yield code
                # The table of a CodedError.
                case ast.AnnAssign(target=ast.Name(id="STATUSES"), value=ast.Dict(keys=keys)):
                    yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
    elif (
        isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ):
        yield node.value.value
