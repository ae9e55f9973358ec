"""Builds `dist/ui` from a page with a script: `main.js`, `main.css`, and the static files next to the sources.

ui/, folder of the page ──copied──┐
script ──esbuild──▶ main.js, main.css ──▶ .ui-…/ ──▶ html files refer to them ──▶ published as dist/ui
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from holdfast.author.inputs.folders import list_folder
from holdfast.author.inputs.snapshot import Before, Inputs, inputs_of_bundle, name_of
from holdfast.author.inputs.staged_output import BuiltPart, StagedOutput
from holdfast.author.inputs.state import FileState, read_state
from holdfast.author.project import Project
from holdfast.author.tools.driver import Driver
from holdfast.author.tools.driver_calls import call_driver, states_of
from holdfast.author.tools.messages import problem_of

_SOURCES = ("src", "dist", "node_modules", ".*", "*.ts", "*.tsx", "*.jsx", "tsconfig*.json", "package*.json", "vite.config.*")
_SCRIPT = re.compile(r"""(<script\b[^>]*\bsrc=)(["'])(?P<path>[^"']*)\2""", re.IGNORECASE)


def page_request(project: Project, page: Path) -> dict[str, Any]:
    """What the driver is asked to bundle. Everything in it is also part of what identifies a build."""
    return {"mode": "page", "entries": {"main": f"./{page.relative_to(project.root).as_posix()}"}}


def _static_folders(project: Project, page: Path) -> list[Path]:
    folder = page.parent.parent if page.parent.name == "src" else page.parent
    # `dict.fromkeys` removes the duplicate when the page is in `ui/`, and keeps the order: files next to the page win.
    return [folder for folder in dict.fromkeys((project.root / "ui", folder)) if folder.is_dir()]


def _is_source(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _SOURCES)


def _walk_static(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Each folder with its pages, styles and images; without sources and configuration."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_source(name))
        yield Path(parent), [Path(parent, name) for name in sorted(names) if not _is_source(name)]


def _copy_static(project: Project, folders: list[Path], into: Path) -> Inputs:
    """Copies the static files. Returns them as inputs, in states that were read before they were copied."""
    root = project.root
    files: dict[str, FileState] = {}
    listings: dict[str, str] = {}
    for folder in folders:
        for parent, paths in _walk_static(folder):
            listings[name_of(parent, root)] = list_folder(parent, root)
            for path in paths:
                state = read_state(path)
                if state is not None:
                    files[name_of(path, root)] = state
                    target = into / path.relative_to(folder)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(path.read_bytes())
    return Inputs(files, listings)


def _refer_to_outputs(html: str, page: str, prefix: str, *, styles: bool) -> str:
    """The page with its script and style sheet: `<script src="/src/main.tsx">` becomes main.js, and main.css is linked if nothing does."""

    def replace(match: re.Match[str]) -> str:
        path = match["path"].split("?")[0].removeprefix("./").removeprefix("/")
        is_entry = path == page or (path != "" and page.endswith(f"/{path}") and path.endswith((".ts", ".tsx", ".jsx")))
        return f"{match[1]}{match[2]}{prefix}main.js{match[2]}" if is_entry else match[0]

    html = _SCRIPT.sub(replace, html)
    if styles and "main.css" not in html:
        link = f'<link rel="stylesheet" href="{prefix}main.css">'
        html = re.sub(r"(?i)</head>", f"{link}</head>", html, count=1) if re.search(r"(?i)</head>", html) else f"{link}{html}"
    return html


def _connect(folder: Path, page: str, outputs: list[str]) -> None:
    """Lets the html files in `folder` refer to the bundled script and its styles."""
    for path in folder.rglob("*.html"):
        html = path.read_text(errors="surrogateescape")
        if "main.js" not in html and not _SCRIPT.search(html):
            continue
        prefix = "../" * (len(path.relative_to(folder).parts) - 1)
        connected = _refer_to_outputs(html, page, prefix, styles="main.css" in outputs)
        if connected != html:
            path.write_text(connected, errors="surrogateescape")


async def build_page(project: Project, page: Path, driver: Driver, before: Before, staging: Path) -> BuiltPart:
    """Builds `dist/ui`, in `staging` until it is published. Raises BuildFailed, BuildToolError."""
    staged = StagedOutput(staging / "ui", project.pages)
    staged.path.mkdir()
    name = page.relative_to(project.root).as_posix()
    static = await asyncio.to_thread(_copy_static, project, _static_folders(project, page), staged.path)
    done = await call_driver(project.root, driver, {**page_request(project, page), "out": str(staged.path)}, name)
    await asyncio.to_thread(_connect, staged.path, name, done["outputs"])
    inputs = await asyncio.to_thread(inputs_of_bundle, project.root, states_of(done["reads"]), before)
    warnings = tuple(problem_of(project.root, raw) for raw in done["warnings"])
    return BuiltPart((staged,), inputs.merged(static), warnings)
