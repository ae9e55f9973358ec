"""Reads a project folder: its manifest, its handler and the language of it, its page, its package.json."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from holdfast.author.errors import BuildFailed
from holdfast.author.options import GuestEngine
from holdfast.bundles.archive.pack_record import facts_of
from holdfast.bundles.manifest.facts import ManifestFacts

# The places that published templates use, in this order of preference.
_HANDLERS = ("src/handler", "src/index", "src/component/handler", "handler")
_SCRIPT_SUFFIXES = (".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs")
_PAGES = ("ui/src/main", "src/ui/src/main", "src/ui/main", "ui/main")
_PAGE_SUFFIXES = (".tsx", ".ts", ".jsx")


class Language(StrEnum):
    """The language that a handler is written in."""

    JAVASCRIPT = "javascript"
    PYTHON = "python"


class Project(Struct, frozen=True):
    """A project folder. `handler` and `page` are the source files that builds start from; `package` is the content of package.json."""

    root: Path
    manifest: ManifestFacts
    language: Language | None
    handler: Path | None
    page: Path | None
    package: dict[str, Any]

    @property
    def engine(self) -> GuestEngine | None:
        """The JavaScript engine that package.json chooses: `"holdfast": {"engine": "starlingmonkey"}`. Raises BuildFailed."""
        section = self.package.get("holdfast")
        chosen = section.get("engine") if isinstance(section, dict) else None
        if chosen is None:
            return None
        try:
            return GuestEngine(chosen)
        except ValueError:
            names = " or ".join(GuestEngine)
            raise BuildFailed(f"package.json sets holdfast.engine to {chosen!r}.", hint=f"Set it to {names}, or remove it.") from None

    @property
    def component(self) -> Path:
        """The path of the built component."""
        return self.root / "dist" / "main.wasm"

    @property
    def pages(self) -> Path:
        """The folder of the built pages."""
        return self.root / "dist" / "ui"


def _package(root: Path) -> dict[str, Any]:
    path = root / "package.json"
    if not path.is_file():
        return {}
    try:
        package = json.loads(path.read_bytes())
    except ValueError as error:
        raise BuildFailed(f"package.json is not valid JSON: {error}", hint="Correct it, or remove it: builds do not need it.") from None
    return package if isinstance(package, dict) else {}


def _first(root: Path, stems: tuple[str, ...], suffixes: tuple[str, ...]) -> Path | None:
    candidates = (root / f"{stem}{suffix}" for stem in stems for suffix in suffixes)
    return next((path for path in candidates if path.is_file()), None)


def read_project(root: Path) -> Project:
    """Reads the folder `root`. Raises BuildFailed when it has no manifest.json, ManifestError when that is invalid."""
    # Resolved: esbuild and tsc report real paths, and errors show paths relative to the project.
    root = root.resolve()
    path = root / "manifest.json"
    if not path.is_file():
        raise BuildFailed(f"{root} has no manifest.json.", hint="Run the command in an extension's folder, or pass that folder.")
    manifest = facts_of(root, path.read_bytes())
    script = _first(root, _HANDLERS, _SCRIPT_SUFFIXES)
    python = root / "src" / "handler.py"
    if script is not None:
        language, handler = Language.JAVASCRIPT, script
    elif python.is_file():
        language, handler = Language.PYTHON, python
    else:
        language, handler = None, None
    return Project(root, manifest, language, handler, _first(root, _PAGES, _PAGE_SUFFIXES), _package(root))
