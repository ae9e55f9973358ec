"""Manifest errors have the form of a compiler's: file and line, the field, what was expected and what was found."""

from __future__ import annotations

import json

import pytest

from holdfast.bundles.manifest.model import parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError

INVALID = """{
  "name": "com.example.tickets",
  "version": "1.0.0",
  "runtime": "wasm-js@1",
  "capabilities": [
    "cap:http.fetch",
    "metrics"
  ],
  "api": {
    "endpoints": [
      { "method": "GET", "path": "/items", "handler": "dist/main" },
      { "method": "GET",
        "path": "items list", "handler": "dist/main" },
      { "method": "get", "path": "items/", "handler": "dist/main" },
      { "method": "POST" }
    ]
  },
  "egress": { "host": "api.example.com" },
  "displayname": "Tickets"
}
"""


def error_lines(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text.encode())
    return str(caught.value).splitlines()


def test_every_error_has_its_own_line() -> None:
    assert error_lines(INVALID) == [
        'manifest.json:7: capabilities[1]: expected a capability that exists, found "metrics", which no host has ever provided; remove it.',
        "manifest.json:13: api.endpoints[1].path: expected a path such as /items/:id, with no spaces, no '..', no query and no backslash, "
        'found "items list".',
        'manifest.json:15: api.endpoints[3].path: this field is required, such as "path": "/items/:id".',
        'manifest.json:15: api.endpoints[3].handler: this field is required, such as "handler": "dist/main".',
        "manifest.json:18: egress: expected a list, found an object.",
        "manifest.json:19: displayname: unknown top-level field 'displayname' (did you mean 'displayName'?).",
        "Correct manifest.json and try again.",
    ]


def test_one_error_is_one_line_and_names_the_later_of_two_equal_endpoints() -> None:
    lines = INVALID.replace("items list", "list").replace('"metrics"', '"log"').splitlines()
    text = (
        "\n".join([*lines[:14], *lines[15:17], *lines[19:]])
        .replace('dist/main" },\n    ]', 'dist/main" }\n    ]')
        .replace("  },\n}", "  }\n}")
    )
    assert error_lines(text) == [
        "manifest.json:14: api.endpoints[2]: expected each method and path once, found GET /items/ again. "
        "Correct manifest.json and try again."
    ]


def test_programs_get_the_same_errors_as_fields() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(INVALID.encode())
    shape = json.loads(json.dumps(caught.value.to_json()))
    assert shape["error"] == "INVALID_MANIFEST"
    assert shape["message"].endswith("remove it. (5 more)")
    assert shape["details"]["issues"][4] == {
        "path": "egress",
        "message": "expected a list, found an object",
        "expected": "a list",
        "line": 18,
        "column": 13,
    }
    unknown = shape["details"]["issues"][5]
    assert (unknown["line"], unknown["column"]) == (19, 3)


def test_at_most_ten_errors_are_shown_and_the_rest_is_counted() -> None:
    endpoints = [{"method": "GET", "path": "/a b", "handler": "m"}] * 250
    text = json.dumps({"name": "a", "version": "1.0.0", "runtime": "wasm-js@1", "api": {"endpoints": endpoints}}, indent=1)
    lines = error_lines(text)
    assert len(lines) == 12
    assert lines[9].startswith("manifest.json:54: api.endpoints[9].path: ")
    assert lines[10] == "and 90 more."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '{\n  "name": "a",\n  "version": "1.0.0",\n}',
            "manifest.json:4: not valid JSON at line 4, column 1: a comma before the closing bracket.",
        ),
        ('{\n  "name" "a"\n}', "manifest.json:2: not valid JSON at line 2, column 10: expecting ':' delimiter."),
        ('\n\n  ["name"]', "manifest.json:3: expected a JSON object."),
        ('{"a": {\n "b": 1,\n "b": 2}}', "manifest.json:3: a.b: the field appears twice in one object."),
        ('{"name": "a",\n "name": "a"}', "manifest.json:2: name: the field appears twice in one object."),
    ],
)
def test_invalid_json_names_its_line_too(text: str, line: str) -> None:
    assert error_lines(text) == [f"{line} Correct manifest.json and try again."]


def test_bytes_that_are_not_utf8_name_their_line() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(b'\xef\xbb\xbf{\n "name": "\xff"}')
    assert caught.value.details["issues"][0]["line"] == 2
    assert caught.value.details["issues"][0]["column"] == 11


def test_long_values_are_shortened() -> None:
    (line,) = error_lines('{"name": "a", "runtime": "wasm-js@1", "version": "' + "9" * 90 + '"}')
    assert line == (
        f'manifest.json:1: version: expected a version such as 1.2.3, 1.2.3-beta.1 or 1.2.*, found "{"9" * 59}…. '
        "Correct manifest.json and try again."
    )


def test_a_manifest_cannot_send_control_characters_to_a_terminal() -> None:
    lines = error_lines(json.dumps({"name": "a", "runtime": "wasm-js@1", "version": "\x9b31m\u202e", "a\x1b[2J": 1}, ensure_ascii=False))
    assert all(line.isprintable() for line in lines)
    assert r'found "\u009b31m\u202e"' in lines[0] and r"a\u001b[2J: unknown" in lines[1]
