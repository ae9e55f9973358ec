"""Archives of small extensions to install."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.signing.trust_store import TrustStore
from tests.bundles.archives import bundle

WASM = b"\x00asm\x0d\x00\x01\x00 a component, for those who do not run it"

UNSIGNED_TOO = TrustPolicy(TrustStore(Path("/nowhere/trusted-keys.json")), required=False)
"""What development asks of signatures: nothing."""


def manifest(**changes: Any) -> dict[str, Any]:
    """The manifest of `acme.com.example.notes`; a field that is None is left out."""
    full: dict[str, Any] = {
        "name": "com.example.notes",
        "publisher": "acme",
        "version": "1.0.0",
        "runtime": "wasm-js@1",
        "displayName": "Notes",
        "description": "Keeps notes",
        "capabilities": ["cap:storage.kv", "cap:http.fetch"],
        "egress": ["api.example.com"],
        "ui": {"type": "iframe", "entry": "ui/index.html", "hooks": {"appMenu": {"label": "Notes"}}},
        "api": {
            "endpoints": [
                {"method": "GET", "path": "/notes", "handler": "dist/main"},
                {"method": "GET", "path": "/notes/:id", "handler": "dist/main"},
                {"method": "POST", "path": "/notes", "handler": "dist/main"},
            ]
        },
    } | changes
    return {field: value for field, value in full.items() if value is not None}


def archive_of(path: Path, *, marker: str = "", wasm: bytes | None = WASM, **changes: Any) -> Path:
    """An archive with that manifest; another `marker` gives other content."""
    files = {"manifest.json": json.dumps(manifest(**changes)).encode(), "ui/index.html": f"<!doctype html>{marker}".encode()}
    if wasm is not None:
        files["dist/main.wasm"] = wasm
    return bundle(path, files)
