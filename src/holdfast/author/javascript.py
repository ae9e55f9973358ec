"""Builds with the JavaScript toolchain: a handler to a component, a page to static files."""

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
    """Import names to the SDK's source files. What the project has installed itself under its older names keeps that."""
    source = resources.sdk("typescript") / "src"
    aliases = dict.fromkeys(IFRAME_NAMES, str(source / "iframe" / "index.ts")) | dict.fromkeys(GUEST_NAMES, str(source / "index.ts"))
    return {name: path for name, path in aliases.items() if not (project / "node_modules" / name / "package.json").is_file()}


def _problem(project: Path, raw: dict[str, Any]) -> Problem:
    file = raw["file"]
    if file is not None and Path(file).is_relative_to(project):
        file = Path(file).relative_to(project).as_posix()
    elif file is not None and Path(file).name == "holdfast-entry.js":
        file = None
    return Problem(raw["text"], file, raw["line"], raw["column"], raw["source"])


def _hint(problems: list[Problem]) -> str | None:
    text = "\n".join(problem.text for problem in problems)
    if "Could not resolve" in text:
        return "Install the package in this project (`npm install <name>`), or correct the path of the import."
    if "Top-level await" in text:
        return "Move the await into the handler: what stands at the top of a module runs once, at build time."
    if "no function named handler" in text:
        return "Export the handler by the name `handler`, or as default."
    if "Failed to evaluate" in text:
        return "The module failed while loading. What stands at its top runs once, at build time, and cannot call the host."
    return None


async def _drive(project: Project, toolchain: Toolchain, request: dict[str, Any], what: str) -> None:
    request = {"project": str(project.root), "alias": sdk_aliases(project.root), **request}
    done = await run(
        [toolchain.node, toolchain.driver],
        cwd=project.root,
        timeout=BUILD_TIMEOUT,
        stdin=json.dumps(request).encode(),
        environment={"NODE_PATH": "", "NODE_OPTIONS": ""},
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise BuildFailed(f"{what} could not be built: {done.last_lines()}") from None
    if not answer["ok"]:
        problems = [_problem(project.root, raw) for raw in answer["errors"]]
        raise BuildFailed(f"{what} could not be built.", problems=problems, hint=_hint(problems))


def _entry(project: Project, handler: Path) -> str:
    """The module that is bundled: installs the runtime, then the author's module, then exports the component's `handler`."""
    runtime = resources.sdk("typescript") / "src" / "runtime"
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
    """Bundles `handler` with the SDK and makes a component of it, for `dist/main.wasm`. Raises BuildFailed."""
    project.component.parent.mkdir(exist_ok=True)
    staged = StagedOutput(project.component.with_name(f".main.{os.getpid()}.wasm"), project.component)
    with tempfile.TemporaryDirectory(prefix="holdfast-build-") as scratch:
        wit = Path(scratch) / "wit"
        resources.write_build_wit(wit)
        request = {
            "mode": "component",
            "entry": _entry(project, handler),
            "inject": str(resources.sdk("typescript") / "src" / "web" / "globals.ts"),
            "wit": str(wit),
            "out": str(staged.path),
        }
        try:
            await _drive(project, toolchain, request, handler.relative_to(project.root).as_posix())
        except BaseException:
            staged.discard()
            raise
    return staged


def _copy_static(folder: Path, into: Path) -> None:
    """Everything beside the sources: pages, styles, pictures. `src/` and TypeScript stay behind."""
    ignore = shutil.ignore_patterns("src", "dist", "node_modules", ".*", "*.ts", "*.tsx", "*.jsx", "tsconfig*.json", "package*.json")
    shutil.copytree(folder, into, dirs_exist_ok=True, ignore=ignore)


async def build_page(project: Project, page: Path, toolchain: Toolchain) -> StagedOutput:
    """Bundles the page's script to `main.js`, with the static files of its folder and of `ui/`, for `dist/ui`. Raises BuildFailed."""
    project.pages.parent.mkdir(exist_ok=True)
    staged = StagedOutput(Path(tempfile.mkdtemp(prefix=".ui-", dir=project.pages.parent)), project.pages)
    try:
        folder = page.parent.parent if page.parent.name == "src" else page.parent
        for static in dict.fromkeys((project.root / "ui", folder)):
            if static.is_dir():
                _copy_static(static, staged.path)
        request = {"mode": "page", "entries": {"main": str(page)}, "out": str(staged.path)}
        await _drive(project, toolchain, request, page.relative_to(project.root).as_posix())
    except BaseException:
        staged.discard()
        raise
    return staged
