"""The names of files with a fixed meaning in a bundle and in a project, and the name of the bundle itself."""

from __future__ import annotations

BUNDLE_NAME = "bundle.tar.zst"
MANIFEST = "manifest.json"
COMPONENT = "dist/main.wasm"
BUILD_RECORD = "dist/.holdfast-build.json"
PACK_RECORD = "dist/.holdfast-pack.json"
"""What the last build of a project depended on and produced, and whether it failed. Never in a bundle."""
DEVELOPMENT = "development/"
"""The folder of what only `holdfast dev` puts into a bundle. Nothing with such a file is packed, published or run in production."""
DEVELOPMENT_SOURCES = (f"{DEVELOPMENT}handler.js", f"{DEVELOPMENT}handler.json")
"""The code that a development component runs: a JavaScript program, or a JSON object of Python modules by name. One per bundle."""
MAX_DEVELOPMENT_SOURCE_BYTES = 16 * 1024 * 1024
