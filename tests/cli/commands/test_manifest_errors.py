"""Every command that reads an invalid manifest reports the same: each error with its line in the file, also as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command_runner import run

FAULTY = """{
  "name": "com.example.tickets",
  "version": "1.0.0",
  "runtime": "wasm-js@1",
  "ui": { "type": "iframe", "entry": "ui/index.html" },
  "api": {
    "endpoints": [{ "method": "GET", "path": "items list", "handler": "dist/main" }]
  },
  "capabilities": ["metrics"]
}
"""
REPORTED = [
    "manifest.json:7: api.endpoints[0].path: expected a path such as /items/:id, with no spaces, no '..', no query and no backslash, "
    'found "items list".',
    'manifest.json:9: capabilities[0]: expected a capability that exists, found "metrics", which no host has ever provided; remove it.',
    "Correct manifest.json and try again.",
]


@pytest.mark.parametrize("command", ["build", "pack", "install", "publish"])
def test_every_manifest_error_is_reported_with_its_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "index.html").write_text("<!doctype html>")
    (tmp_path / "manifest.json").write_text(FAULTY)
    # In an extension's folder no data folder is created unasked; `install` and `publish` get one elsewhere.
    done = run(command, ".", "--json", cwd=tmp_path, HOLDFAST_DATA_DIR=str(tmp_path.with_name("data")))
    assert done.returncode == 1
    assert done.stderr.splitlines() == REPORTED
    shape = json.loads(done.stdout)
    assert shape["error"] == "INVALID_MANIFEST"
    assert [(issue["path"], issue["line"], issue["column"]) for issue in shape["details"]["issues"]] == [
        ("api.endpoints[0].path", 7, 46),
        ("capabilities[0]", 9, 20),
    ]
