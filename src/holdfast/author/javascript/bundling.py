"""Builds a component from a handler in JavaScript or TypeScript.

handler, prelude ──esbuild──▶ one module ──the same as in dist/main.wasm?──▶ kept
                                          └──other──▶ componentize ──▶ dist/main.wasm
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from holdfast.author import resources
from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.inputs.snapshot import Before, inputs_of_bundle
from holdfast.author.inputs.staged_output import BuiltPart, StagedOutput
from holdfast.author.inputs.state import FileState
from holdfast.author.options import GuestEngine
from holdfast.author.project import Project
from holdfast.author.tools.driver import Driver
from holdfast.author.tools.driver_calls import call_driver, states_of
from holdfast.author.tools.messages import problem_of
from holdfast.concurrency.workspaces import temporary_folder


class Prelude(Struct, frozen=True):
    """What a handler's bundle contains besides the author's code.

    - `imports`: modules that run before the author's, in this order
    - `standards`: the folder of the web standards; those that the author's code uses run after `imports`
    - `wrap`: the module that connects the handler to the component's export
    - `supported`: esbuild's `supported`; what is False is translated to older syntax
    - `define`: global expressions and what replaces them (esbuild's `define`)
    """

    imports: tuple[Path, ...]
    standards: Path
    wrap: Path
    supported: dict[str, bool]
    define: dict[str, str] = {}


def handler_prelude(engine: GuestEngine) -> Prelude:
    """The prelude of handlers for `engine`."""
    source = resources.sdk_folder("typescript") / "src"
    if engine is GuestEngine.STARLINGMONKEY:
        return Prelude(
            imports=(source / "runtime" / "starlingmonkey.ts",),
            standards=source / "web",
            wrap=source / "runtime" / "native_async.ts",
            # The handler is not called before all modules are evaluated, so nothing may wait there: as on QuickJS.
            # The engine has no table of Unicode properties: the SDK's `RegExp` brings those that the program names. esbuild does not see
            # properties inside of classes, so it turns every literal that can contain one into a call.
            supported={"top-level-await": False, "regexp-unicode-property-escapes": False, "regexp-sticky-and-unicode-flags": False},
        )
    return Prelude(
        imports=(source / "runtime" / "install.ts",),
        standards=source / "web",
        wrap=source / "runtime" / "wrap.ts",
        # The engine never runs the jobs of its own promises; lowered async functions use the SDK's promises.
        supported={"async-await": False, "async-generator": False, "for-await": False, "top-level-await": False},
    )


def _entry_module(project: Project, handler: Path, prelude: Prelude) -> str:
    """The module to bundle: it runs the prelude, loads the author's module, and exports the component's `handler`."""
    name = handler.relative_to(project.root).as_posix()
    return "\n".join(
        [
            *(f"import {json.dumps(str(path))};" for path in prelude.imports),
            'import "holdfast:standards";',
            f"import * as author from {json.dumps('./' + name)};",
            f"import {{ findHandler, wrap }} from {json.dumps(str(prelude.wrap))};",
            f"export const handler = wrap(findHandler(author, {json.dumps(name)}));",
        ]
    )


class HandlerBundle(Struct, frozen=True):
    """A handler with all that it imports, as one module in the file `path`, with its source map next to it.

    `reads` are the files that it was made of, `sha256` identifies its content.
    """

    path: Path
    sha256: str
    reads: dict[Path, FileState]
    warnings: tuple[Problem, ...]


def bundle_request(project: Project, handler: Path, engine: GuestEngine) -> dict[str, Any]:
    """What the driver is asked to bundle. Everything in it is also part of what identifies a build."""
    prelude = handler_prelude(engine)
    return {
        "mode": "bundle",
        "entry": _entry_module(project, handler, prelude),
        "author": handler.relative_to(project.root).as_posix(),
        "engine": engine.value,
        "web": str(prelude.standards),
        "supported": prelude.supported,
        "define": prelude.define,
    }


def _name(project: Project) -> str:
    return "The handler" if project.handler is None else project.handler.relative_to(project.root).as_posix()


async def bundle_handler(
    project: Project, handler: Path, driver: Driver, engine: GuestEngine, staging: Path, *, form: Literal["module", "program"] = "module"
) -> HandlerBundle:
    """Bundles `handler` and the SDK: as a module, or as the program that the development component loads. It is in `staging`.

    Raises BuildFailed, BuildToolError.
    """
    path = staging / "main.js"
    request = {**bundle_request(project, handler, engine), "form": form, "out": str(path)}
    done = await call_driver(project.root, driver, request, _name(project))
    warnings = tuple(problem_of(project.root, raw) for raw in done["warnings"])
    return HandlerBundle(path, done["sha256"], states_of(done["reads"]), warnings)


async def componentize(project: Project, bundle: HandlerBundle, driver: Driver, engine: GuestEngine, staging: Path) -> StagedOutput:
    """Makes `dist/main.wasm` of a bundled handler. Raises BuildFailed, BuildToolError."""
    staged = StagedOutput(staging / "main.wasm", project.component)
    with temporary_folder("build") as scratch:
        wit = scratch / "wit"
        wit.mkdir()
        resources.write_build_wit(wit)
        request = {
            "mode": "componentize",
            "engine": engine.value,
            "packages": str(driver.toolchain.engine_folder(engine)),
            "bundle": str(bundle.path),
            "wit": str(wit),
            "world": "build",
            "out": str(staged.path),
        }
        await call_driver(project.root, driver, request, _name(project))
    return staged


async def build_component(
    project: Project, handler: Path, driver: Driver, engine: GuestEngine, before: Before, staging: Path, *, built_code: str | None = None
) -> BuiltPart:
    """Builds `dist/main.wasm` from `handler` and the SDK, unless the bundle is `built_code`, which the component was made of.

    It is in `staging` until it is published. Raises BuildFailed, BuildToolError.
    """
    bundle = await bundle_handler(project, handler, driver, engine, staging)
    try:
        inputs = await asyncio.to_thread(inputs_of_bundle, project.root, bundle.reads, before)
        # The same bundle makes the same component: a change of a comment or a type needs no more than the bundle.
        kept = bundle.sha256 == built_code
        outputs = () if kept else (await componentize(project, bundle, driver, engine, staging),)
        return BuiltPart(outputs, inputs, bundle.warnings, bundle.sha256, kept)
    except BuildFailed as failure:
        failure.inputs |= frozenset(bundle.reads)
        raise
