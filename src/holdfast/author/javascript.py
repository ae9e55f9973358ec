"""Builds with the JavaScript toolchain: a component from a handler, static files from a page."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from holdfast.author import resources
from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.project import Project
from holdfast.author.staged_output import StagedOutput
from holdfast.author.tool_process import run
from holdfast.author.toolchain import Toolchain

BUILD_TIMEOUT = 120.0
GUEST_NAMES = ("@holdfast/sdk", "@alga-psa/extension-runtime", "@alga/extension-runtime")
IFRAME_NAMES = ("@holdfast/sdk/iframe", "@alga-psa/extension-iframe-sdk", "@alga/extension-iframe-sdk")


def sdk_aliases(project: Path) -> dict[str, str]:
    """The SDK's source files by import name. A name that the project has installed itself resolves to the installed package."""
    source = resources.sdk_folder("typescript") / "src"
    aliases = dict.fromkeys(IFRAME_NAMES, str(source / "iframe" / "index.ts")) | dict.fromkeys(GUEST_NAMES, str(source / "index.ts"))
    return {name: path for name, path in aliases.items() if not (project / "node_modules" / name / "package.json").is_file()}


def _problem(project: Path, raw: dict[str, Any]) -> Problem:
    file = raw["file"]
    if file is not None and Path(file).is_relative_to(project):
        file = Path(file).relative_to(project).as_posix()
    elif file is not None and Path(file).name == "holdfast-entry.js":
        # The generated entry module; authors cannot edit it, so its position would mislead them.
        file = None
    return Problem(raw["text"], file, raw["line"], raw["column"], raw["source"])


def _hint(problems: list[Problem]) -> str | None:
    text = "\n".join(problem.text for problem in problems)
    if "Could not resolve" in text:
        return "Install the package in this project (`npm install NAME`), or correct the path of the import."
    if "Top-level await" in text:
        return "Move the await into the handler: code at the top level of a module runs once, at build time."
    if "no function named handler" in text:
        return "Export the handler as `handler` or as the default export."
    if "Failed to evaluate" in text:
        return "The module failed while loading. Code at its top level runs once, at build time, and cannot call the host."
    return None


async def _run_driver(project: Project, toolchain: Toolchain, request: dict[str, Any], what: str) -> None:
    request = {"project": str(project.root), "alias": sdk_aliases(project.root), **request}
    done = await run(
        [toolchain.node, toolchain.driver],
        cwd=project.root,
        timeout=BUILD_TIMEOUT,
        stdin=json.dumps(request).encode(),
        # The author's environment must not change which modules the pinned tools load.
        environment={"NODE_PATH": "", "NODE_OPTIONS": ""},
    )
    try:
        response = json.loads(done.stdout)
    except ValueError:
        raise BuildFailed(f"{what} cannot be built: {done.last_lines()}") from None
    if not response["ok"]:
        problems = [_problem(project.root, raw) for raw in response["errors"]]
        raise BuildFailed(f"{what} cannot be built.", problems=problems, hint=_hint(problems))


def _entry_module(project: Project, handler: Path) -> str:
    """The module to bundle: it installs the runtime, loads the author's module, and exports the component's `handler`."""
    runtime = resources.sdk_folder("typescript") / "src" / "runtime"
    name = handler.relative_to(project.root).as_posix()
    return "\n".join(
        [
            f"import {json.dumps(str(runtime / 'install.ts'))};",
            f"import * as author from {json.dumps('./' + name)};",
            f"import {{ findHandler, wrap }} from {json.dumps(str(runtime / 'wrap.ts'))};",
            f"export const handler = wrap(findHandler(author, {json.dumps(name)}));",
        ]
    )


async def build_component(project: Project, handler: Path, toolchain: Toolchain) -> StagedOutput:
    """Builds `dist/main.wasm` from `handler` and the SDK. Raises BuildFailed, BuildToolError."""
    project.component.parent.mkdir(exist_ok=True)
    # In the same folder as its target, so that publishing is a rename within one file system.
    staged = StagedOutput(project.component.with_name(f".main.{os.getpid()}.wasm"), project.component)
    with tempfile.TemporaryDirectory(prefix="holdfast-build-") as scratch:
        wit = Path(scratch) / "wit"
        resources.write_build_wit(wit)
        request = {
            "mode": "component",
            "entry": _entry_module(project, handler),
            "inject": str(resources.sdk_folder("typescript") / "src" / "web" / "globals.ts"),
            "wit": str(wit),
            "out": str(staged.path),
        }
        try:
            await _run_driver(project, toolchain, request, handler.relative_to(project.root).as_posix())
        except BaseException:
            staged.discard()
            raise
    return staged


def _copy_static(folder: Path, into: Path) -> None:
    """Copies pages, styles and images; leaves out sources and configuration."""
    ignore = shutil.ignore_patterns("src", "dist", "node_modules", ".*", "*.ts", "*.tsx", "*.jsx", "tsconfig*.json", "package*.json")
    shutil.copytree(folder, into, dirs_exist_ok=True, ignore=ignore)


async def build_page(project: Project, page: Path, toolchain: Toolchain) -> StagedOutput:
    """Builds `dist/ui`: the page's script as `main.js`, and the static files of `ui/` and of the page's folder.

    Raises BuildFailed, BuildToolError.
    """
    project.pages.parent.mkdir(exist_ok=True)
    staged = StagedOutput(Path(tempfile.mkdtemp(prefix=".ui-", dir=project.pages.parent)), project.pages)
    try:
        folder = page.parent.parent if page.parent.name == "src" else page.parent
        # `dict.fromkeys` removes the duplicate when the page is in `ui/`, and keeps the order: files next to the page win.
        for static in dict.fromkeys((project.root / "ui", folder)):
            if static.is_dir():
                _copy_static(static, staged.path)
        request = {"mode": "page", "entries": {"main": str(page)}, "out": str(staged.path)}
        await _run_driver(project, toolchain, request, page.relative_to(project.root).as_posix())
    except BaseException:
        staged.discard()
        raise
    return staged
