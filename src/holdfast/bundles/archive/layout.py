"""The names of files with a fixed meaning in a bundle, and the name of the bundle itself."""

from __future__ import annotations

BUNDLE_NAME = "bundle.tar.zst"
MANIFEST = "manifest.json"
COMPONENT = "dist/main.wasm"
