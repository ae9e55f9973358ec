"""Builds with the JavaScript toolchain: a component from a handler, static files from a page."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from holdfast.author import resources
from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.options import GuestEngine
from holdfast.author.project import Project
from holdfast.author.staged_output import BuiltPart, StagedOutput
from holdfast.author.tools.driver import Driver

BUILD_TIMEOUT = 120.0
GUEST_NAMES = ("@holdfast/sdk", "@alga-psa/extension-runtime", "@alga/extension-runtime")
IFRAME_NAMES = ("@holdfast/sdk/iframe", "@alga-psa/extension-iframe-sdk", "@alga/extension-iframe-sdk")


def sdk_aliases(project: Path) -> dict[str, str]:
    """The SDK's source files by import name.

    A published package that the project has installed itself wins. `@holdfast/sdk` never comes from the project: its copy is for editors
    and tests, and a second `HostError` beside the one of the runtime would make `instanceof` fail.
    """
    source = resources.sdk_folder("typescript") / "src"
    aliases = dict.fromkeys(IFRAME_NAMES, str(source / "iframe" / "index.ts")) | dict.fromkeys(GUEST_NAMES, str(source / "index.ts"))
    own = aliases.keys() - {"@holdfast/sdk", "@holdfast/sdk/iframe"}
    return {
        name: path for name, path in aliases.items() if name not in own or not (project / "node_modules" / name / "package.json").is_file()
    }


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


async def call_driver(root: Path, driver: Driver, request: dict[str, Any], what: str) -> dict[str, Any]:
    """The driver's response to a request for the project in the folder `root`. Raises BuildFailed with its errors, BuildToolError."""
    response = await driver.call({"project": str(root), "alias": sdk_aliases(root), **request}, what=what, timeout=BUILD_TIMEOUT)
    if not response["ok"]:
        problems = [_problem(root, raw) for raw in response["errors"]]
        raise BuildFailed(f"{what} cannot be built.", problems=problems, hint=_hint(problems))
    return response


class Prelude(Struct, frozen=True):
    """What a handler's bundle contains besides the author's code.

    - `imports`: modules that run before the author's, in this order
    - `standards`: the folder of the web standards; those that the author's code uses run after `imports`
    - `supported`: esbuild's `supported`; what is False is translated to older syntax
    """

    imports: tuple[Path, ...]
    standards: Path
    supported: dict[str, bool]


def handler_prelude(engine: GuestEngine) -> Prelude:
    """The prelude of handlers for `engine`."""
    del engine  # one prelude serves both so far
    source = resources.sdk_folder("typescript") / "src"
    return Prelude(
        imports=(source / "runtime" / "install.ts",),
        standards=source / "web",
        # The engine never runs the jobs of its own promises; lowered async functions use the SDK's promises.
        supported={"async-await": False, "async-generator": False, "for-await": False, "top-level-await": False},
    )


def _entry_module(project: Project, handler: Path, prelude: Prelude) -> str:
    """The module to bundle: it runs the prelude, loads the author's module, and exports the component's `handler`."""
    wrap = resources.sdk_folder("typescript") / "src" / "runtime" / "wrap.ts"
    name = handler.relative_to(project.root).as_posix()
    return "\n".join(
        [
            *(f"import {json.dumps(str(path))};" for path in prelude.imports),
            'import "holdfast:standards";',
            f"import * as author from {json.dumps('./' + name)};",
            f"import {{ findHandler, wrap }} from {json.dumps(str(wrap))};",
            f"export const handler = wrap(findHandler(author, {json.dumps(name)}));",
        ]
    )


class HandlerBundle(Struct, frozen=True):
    """A handler with all that it imports, as one module in the file `path`, which the caller removes.

    `inputs` are the files that it was made of, `sha256` identifies its content.
    """

    path: Path
    sha256: str
    inputs: frozenset[Path]
    warnings: tuple[Problem, ...]


async def bundle_handler(
    project: Project, handler: Path, driver: Driver, engine: GuestEngine, *, form: Literal["module", "program"] = "module"
) -> HandlerBundle:
    """Bundles `handler` and the SDK: as a module, or as the program that the development component loads.

    Raises BuildFailed, BuildToolError.
    """
    project.component.parent.mkdir(exist_ok=True)
    prelude = handler_prelude(engine)
    path = project.component.with_name(f".main.{os.getpid()}.js")
    request = {
        "mode": "bundle",
        "entry": _entry_module(project, handler, prelude),
        "author": str(handler),
        "engine": engine.value,
        "web": str(prelude.standards),
        "supported": prelude.supported,
        "form": form,
        "out": str(path),
    }
    try:
        done = await call_driver(project.root, driver, request, handler.relative_to(project.root).as_posix())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    warnings = tuple(_problem(project.root, raw) for raw in done["warnings"])
    return HandlerBundle(path, done["sha256"], frozenset(map(Path, done["inputs"])), warnings)


async def componentize(project: Project, bundle: HandlerBundle, driver: Driver, engine: GuestEngine) -> StagedOutput:
    """Makes `dist/main.wasm` of a bundled handler. Raises BuildFailed, BuildToolError."""
    staged = StagedOutput(project.component.with_name(f".main.{os.getpid()}.wasm"), project.component)
    with tempfile.TemporaryDirectory(prefix="holdfast-build-") as scratch:
        wit = Path(scratch) / "wit"
        wit.mkdir()
        resources.write_build_wit(wit)
        request = {
            "mode": "componentize",
            "engine": engine.value,
            "bundle": str(bundle.path),
            "wit": str(wit),
            "world": "build",
            "out": str(staged.path),
        }
        name = "the handler" if project.handler is None else project.handler.relative_to(project.root).as_posix()
        try:
            await call_driver(project.root, driver, request, name)
        except BaseException:
            staged.discard()
            raise
    return staged


async def build_component(project: Project, handler: Path, driver: Driver, engine: GuestEngine) -> BuiltPart:
    """Builds `dist/main.wasm` from `handler` and the SDK. Raises BuildFailed, BuildToolError."""
    bundle = await bundle_handler(project, handler, driver, engine)
    try:
        return BuiltPart((await componentize(project, bundle, driver, engine),), bundle.inputs, bundle.warnings)
    finally:
        bundle.path.unlink(missing_ok=True)


def _copy_static(folder: Path, into: Path) -> None:
    """Copies pages, styles and images; leaves out sources and configuration."""
    ignore = shutil.ignore_patterns("src", "dist", "node_modules", ".*", "*.ts", "*.tsx", "*.jsx", "tsconfig*.json", "package*.json")
    shutil.copytree(folder, into, dirs_exist_ok=True, ignore=ignore)


async def build_page(project: Project, page: Path, driver: Driver) -> BuiltPart:
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
        done = await call_driver(project.root, driver, request, page.relative_to(project.root).as_posix())
    except BaseException:
        staged.discard()
        raise
    return BuiltPart((staged,), frozenset(map(Path, done["inputs"])), tuple(_problem(project.root, raw) for raw in done["warnings"]))
