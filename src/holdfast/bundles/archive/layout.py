"""The names of files with a fixed meaning: in an archive, and next to it."""

from __future__ import annotations

MANIFEST = "manifest.json"


COMPONENT = "dist/main.wasm"
BUNDLE_NAME = "bundle.tar.zst"
