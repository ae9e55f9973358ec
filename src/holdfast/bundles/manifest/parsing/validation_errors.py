"""Converts the validation errors of pydantic to issues: for each the field, its line, and what was expected there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from holdfast.bundles.manifest.parsing.errors import Expected, Issue, make_issue
from holdfast.bundles.manifest.parsing.positions import Path, Positions

_FOUND_LENGTH = 60


_TYPES = {
    "string_type": "text",
    "string_unicode": "text",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "bool_type": "true or false",
}


_EXAMPLES = {
    "name": "com.example.tickets",
    "version": "1.0.0",
    "runtime": "wasm-js@1",
    "type": "iframe",
    "entry": "ui/index.html",
    "label": "Tickets",
    "endpoints": [],
    "method": "GET",
    "path": "/items/:id",
    "handler": "dist/main",
    "key": "region",
    "endpoint": "/daily",
    "cron": "0 9 * * *",
    "topic": "ticket.created",
}


MAX_ISSUES = 100


def issues_from_validation_error(error: ValidationError, value: Any, text: str, fields: Sequence[str]) -> list[Issue]:
    """Every error that pydantic found in `value`, which was parsed from `text`, in the order of the text; at most 100.

    `fields` are the allowed names at the top level.
    """
    problems = [_describe(item, value, fields) for item in error.errors(include_url=False, include_input=False)[:MAX_ISSUES]]
    positions = Positions(text, [path for path, *_ in problems])
    issues = [
        make_issue(path, message, expected=expected, at=positions.name_at(path) if by_name else positions.value_at(path))
        for path, message, expected, by_name in problems
    ]
    return sorted(issues, key=lambda found: (found["line"], found["column"]))


def _describe(error: Any, value: Any, fields: Sequence[str]) -> tuple[Path, str, str | None, bool]:
    """Path, message, what was expected, and whether the error is in the name of the field."""
    kind, context = error["type"], error.get("ctx", {})
    path = _path_in_file(error["loc"], value)
    by_name = error["loc"][-1:] == ("[key]",)
    if kind == "extra_forbidden":
        by_letters = {name.lower(): name for name in fields}
        # Compared without case and underscores, so that `display_name` finds `displayName`.
        near = get_close_matches(str(path[-1]).replace("_", "").lower(), by_letters, n=1, cutoff=0.8)
        suggestion = f" (did you mean {by_letters[near[0]]!r}?)" if near else ""
        return path, f"unknown top-level field {path[-1]!r}{suggestion}", f"one of {', '.join(fields)}", True
    if kind == "missing":
        example = {path[-1]: _EXAMPLES[str(path[-1])]} if path[-1] in _EXAMPLES else None
        expected = "this field" if example is None else f"this field, such as {json.dumps(example)[1:-1]}"
        return path, f"this field is required{expected.removeprefix('this field')}", expected, False
    found = None
    if kind == "value_error" and isinstance(context["error"], Expected):
        invalid = context["error"]
        path, expected, found = (*path, *invalid.at), invalid.expected, invalid.found
    elif kind == "string_too_long":
        expected, found = f"at most {context['max_length']} characters", "more"
    elif kind == "too_long":
        expected, found = f"at most {context['max_length']} entries", str(context["actual_length"])
    elif kind == "literal_error":
        expected = context["expected"].replace("'", "")
    else:
        expected = _TYPES.get(kind, str(error["msg"]))
    return path, f"expected {expected}, found {found or _found(path, value)}", expected, by_name


def _path_in_file(location: Path, value: Any) -> Path:
    """Pydantic's path without the steps that are not in the file: markers of keys and tags of alternatives."""
    path: list[int | str] = []
    for step in location:
        if step == "[key]" or (isinstance(step, str) and isinstance(value, list)):
            continue
        if isinstance(step, str) and step.startswith("tag:"):
            continue
        path.append(step)
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            value = None
    return tuple(path)


def _found(path: Path, value: Any) -> str:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return "nothing"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _FOUND_LENGTH else f"{text[:_FOUND_LENGTH]}…"
