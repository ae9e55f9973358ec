"""Builds a handler for `holdfast dev`: its code as a file beside the component that loads it. What fails while it loads fails the build.

handler ──bundle──▶ development/handler.js ──loaded once on the engine, no call──▶ published beside the development component
                                                        └── throws ──▶ BuildFailed with file and line
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from holdfast.author.development.component import development_component
from holdfast.author.development.loading import LoadCheck
from holdfast.author.errors import BuildFailed
from holdfast.author.inputs.snapshot import Before, inputs_of_bundle
from holdfast.author.inputs.staged_output import BuiltPart, StagedOutput
from holdfast.author.javascript.bundling import bundle_handler
from holdfast.author.options import GuestEngine
from holdfast.author.project import Project
from holdfast.author.tools.driver import Driver
from holdfast.author.tools.toolchain import Progress, Toolchain, no_progress
from holdfast.bundles.archive.layout import DEVELOPMENT_SOURCES

FOLDER = "development"
SCRIPT = DEVELOPMENT_SOURCES[0]


def development_folder(project: Project) -> Path:
    """Where a build for development puts its outputs; `pack(…, development=True)` takes them from there."""
    return project.root / "dist" / FOLDER


def _stage_component(component: Path, target: Path, staging: Path) -> StagedOutput | None:
    """A copy of the component, unless the one that is in place is the same."""
    if target.is_file() and target.read_bytes() == component.read_bytes():
        return None
    staged = StagedOutput(staging / "main.wasm", target)
    shutil.copyfile(component, staged.path)
    return staged


async def build_handler(
    project: Project,
    handler: Path,
    driver: Driver,
    toolchain: Toolchain,
    engine: GuestEngine,
    check: LoadCheck,
    before: Before,
    staging: Path,
    *,
    built_code: str | None = None,
    progress: Progress = no_progress,
) -> BuiltPart:
    """Builds `dist/development` from `handler` and the SDK, and loads the code once, unless it is `built_code`, which is there already.

    What it makes is in `staging` until it is published. Raises BuildFailed, BuildToolError.
    """
    folder = development_folder(project)
    folder.mkdir(parents=True, exist_ok=True)
    component = await development_component(toolchain, driver, engine, progress)
    bundle = await bundle_handler(project, handler, driver, engine, staging, form="program")
    try:
        inputs = await asyncio.to_thread(inputs_of_bundle, project.root, bundle.reads, before)
        staged_component = _stage_component(component, folder / "main.wasm", staging)
        if bundle.sha256 == built_code and staged_component is None:
            return BuiltPart((), inputs, bundle.warnings, bundle.sha256, kept=True)
        await check.load(component, bundle.path, project.root)
    except BuildFailed as error:
        error.inputs |= frozenset(bundle.reads)
        raise
    outputs = (StagedOutput(bundle.path, project.root / "dist" / SCRIPT), staged_component)
    return BuiltPart(tuple(output for output in outputs if output is not None), inputs, bundle.warnings, bundle.sha256)
