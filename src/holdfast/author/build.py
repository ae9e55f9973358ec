"""Builds a project: `dist/main.wasm` from the handler, `dist/ui` from the page.

inputs unchanged since the last build? ──yes──▶ nothing to do
     │ no
     ▼
packages, own build script ──▶ component ┐
                               page      ├─ at the same time ──all succeed──▶ published together ──▶ recorded
                               types     ┘        └──one fails──▶ all outputs discarded, the old ones stay
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable
from pathlib import Path

from msgspec import Struct

import holdfast
from holdfast.author import javascript, npm, python
from holdfast.author.build_record import hash_inputs, is_up_to_date, write_record
from holdfast.author.errors import BuildFailed
from holdfast.author.project import Language, Project, read_project
from holdfast.author.staged_output import StagedOutput
from holdfast.author.toolchain import Progress, Toolchain, no_progress
from holdfast.author.typecheck import check_types


class BuildReport(Struct, frozen=True):
    """The result of a build. `component` and `pages` are None when the extension has none; `cached` means that nothing had changed."""

    project: Path
    language: Language | None
    component: Path | None
    component_bytes: int | None
    pages: Path | None
    cached: bool
    duration_ms: float


def _report(project: Project, started: float, *, cached: bool) -> BuildReport:
    component = project.component if project.component.is_file() else None
    return BuildReport(
        project=project.root,
        language=project.language,
        component=component,
        component_bytes=None if component is None else component.stat().st_size,
        pages=project.pages if project.pages.is_dir() else None,
        cached=cached,
        duration_ms=(time.perf_counter() - started) * 1000,
    )


async def _run_all(*works: Awaitable[StagedOutput | None]) -> None:
    """Runs all works at once, then publishes their outputs: all of them, or none after an error. Raises the first error."""
    tasks = [asyncio.ensure_future(work) for work in works]
    published = False
    try:
        # Waits for all of them, also after an error: a work that still runs would write its output after the clean-up below.
        results = await asyncio.gather(*tasks, return_exceptions=True)
        failure = next((result for result in results if isinstance(result, BaseException)), None)
        if failure is not None:
            raise failure
        published = True
        for result in results:
            if isinstance(result, StagedOutput):
                result.publish()
    finally:
        finished = [task.result() for task in tasks if task.done() and not task.cancelled() and task.exception() is None]
        for staged in () if published else finished:
            if staged is not None:
                staged.discard()


async def _build(project: Project, toolchain: Toolchain, progress: Progress) -> None:
    needs_node = project.language is Language.JAVASCRIPT or project.page is not None or npm.own_build_script(project) is not None
    if needs_node:
        await toolchain.ensure(progress)
        await npm.install(project, toolchain, progress)
    if await npm.run_own_build_script(project, toolchain, progress):
        # Published templates write `component.wasm`; the manifest and the bundle expect `main.wasm`.
        other = project.component.with_name("component.wasm")
        if not project.component.is_file() and other.is_file():
            shutil.copyfile(other, project.component)
        if project.component.is_file() or not project.manifest.needs_component:
            return
    progress("Building")
    works: list[Awaitable[StagedOutput | None]] = []
    if project.handler is not None and project.language is Language.JAVASCRIPT:
        works.append(javascript.build_component(project, project.handler, toolchain))
    elif project.handler is not None:
        works.append(python.build_component(project, project.handler))
    if project.page is not None:
        works.append(javascript.build_page(project, project.page, toolchain))
    if needs_node:
        works.append(check_types(project, toolchain))
    await _run_all(*works)


async def build(project: Path, *, toolchain: Toolchain | None = None, progress: Progress = no_progress, force: bool = False) -> BuildReport:
    """Builds the extension in the folder `project`; skips the build when nothing has changed, unless `force`.

    `progress` gets a sentence before each step that takes time. Outputs are published completely or not at all.
    Raises BuildFailed, BuildToolError, ManifestError.
    """
    started = time.perf_counter()
    tools = toolchain or Toolchain()
    found = await asyncio.to_thread(read_project, project)
    # Holdfast's version and the toolchain's key are inputs too: a new SDK or compiler must build unchanged projects again.
    inputs = await asyncio.to_thread(hash_inputs, found.root, constants=(holdfast.__version__, tools.key))
    if not force and await asyncio.to_thread(is_up_to_date, found.root, inputs):
        return _report(found, started, cached=True)
    if found.handler is None and found.manifest.needs_component and not found.component.is_file() and npm.own_build_script(found) is None:
        raise BuildFailed(
            "manifest.json declares endpoints or an entry, but the project has no handler.",
            hint="Write src/handler.ts or src/handler.py, or put a built component at dist/main.wasm.",
        )
    await _build(found, tools, progress)
    await asyncio.to_thread(write_record, found.root, inputs)
    return _report(found, started, cached=False)
