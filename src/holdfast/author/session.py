"""Builds one project again and again: `dist/main.wasm` from the handler, `dist/ui` from the page.

inputs unchanged since the last build? ──yes──▶ nothing to do
     │ no
     ▼
packages, own build script ──▶ component ┐ at the    all succeed ──▶ published together ──▶ recorded
                               page      ┘ same time  one fails ──▶ all outputs discarded, the old ones stay
                               types ──────▶ reported; they fail the build only with `strict`

A session keeps the Node process of the toolchain between its builds. One build runs at a time; a second one waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import holdfast
from holdfast.author import javascript, python
from holdfast.author.development.handler import build_handler, development_folder
from holdfast.author.development.loading import LoadCheck
from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.inputs.record import hash_inputs, input_files, is_up_to_date, write_record
from holdfast.author.options import BuildOptions
from holdfast.author.project import Language, Project, read_project
from holdfast.author.report import BuildReport, Changed, Step
from holdfast.author.staged_output import BuiltPart
from holdfast.author.toolchain import Progress, Toolchain, no_progress
from holdfast.author.tools import npm
from holdfast.author.tools.driver import Driver
from holdfast.author.tools.own_build import finish_own_build, run_own_build
from holdfast.author.tools.typecheck import check_types, types_failed


async def _run_all(works: list[Awaitable[BuiltPart]]) -> list[BuiltPart]:
    """Runs all works at once. After an error, discards the outputs of the others and raises the first error."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        # Waits for all of them, also after an error: a work that still runs would write its output after the clean-up below.
        results = await asyncio.gather(*tasks, return_exceptions=True)
        failure = next((result for result in results if isinstance(result, BaseException)), None)
        if failure is not None:
            raise failure
    except BaseException:
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is None:
                task.result().discard()
        raise
    return [task.result() for task in tasks]


class BuildSession:
    """Builds of the extension in the folder `project`. An asynchronous context manager: its end stops the toolchain's process.

    `progress` gets a sentence before each step that takes time.
    """

    def __init__(
        self,
        project: Path,
        *,
        toolchain: Toolchain | None = None,
        progress: Progress = no_progress,
        options: BuildOptions | None = None,
    ) -> None:
        self.root = project.resolve()
        self.options = options or BuildOptions()
        self._toolchain = toolchain or Toolchain()
        self._driver = Driver(self._toolchain)
        self._load_check = LoadCheck(self._toolchain.root / "artifacts")
        self._progress = progress
        self._building = asyncio.Lock()
        self._types: asyncio.Task[tuple[Problem, ...]] | None = None
        self._steps: list[Step] = []
        self._own_warnings: tuple[Problem, ...] = ()
        self._inputs: frozenset[Path] = frozenset()

    async def __aenter__(self) -> BuildSession:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Stops the type check and the toolchain's process."""
        await self._stop_type_check()
        await self._driver.close()
        await self._load_check.close()

    @property
    def inputs(self) -> frozenset[Path]:
        """What the last build depended on, also if it failed: files, and folders in which a new file would matter. Absolute paths."""
        return self._inputs

    async def type_problems(self) -> tuple[Problem, ...]:
        """The type errors of the last build; waits for its type check. Raises BuildToolError."""
        return () if self._types is None else await asyncio.shield(self._types)

    async def build(self, *, force: bool = False) -> BuildReport:
        """Builds what has changed, everything with `force`. Outputs are published completely or not at all.

        Raises BuildFailed, BuildToolError, ManifestError.
        """
        async with self._building:
            return await self._build(force=force or self.options.force)

    async def _build(self, *, force: bool) -> BuildReport:
        started = time.perf_counter()
        self._steps = []
        project = await asyncio.to_thread(read_project, self.root)
        self._inputs = await asyncio.to_thread(input_files, project.root)
        # Holdfast's version and the toolchain's keys are inputs too: a new SDK or compiler must build unchanged projects again.
        constants = (
            holdfast.__version__,
            self._toolchain.key,
            self._toolchain.driver_key,
            self.options.guest_engine,
            str(self.options.development),
        )
        inputs = await asyncio.to_thread(hash_inputs, project.root, constants=constants)
        if not force and await asyncio.to_thread(is_up_to_date, project.root, inputs):
            return self._report(project, started, cached=True)
        self._check_handler(project)
        parts = await self._build_parts(project)
        if not self.options.development:
            await finish_own_build(project, self._toolchain, self._progress)
        await asyncio.to_thread(write_record, project.root, inputs)
        warnings = (*self._own_warnings, *(warning for part in parts for warning in part.warnings))
        return self._report(project, started, cached=False, warnings=warnings)

    @staticmethod
    def _check_handler(project: Project) -> None:
        needed = project.manifest.needs_component and not project.component.is_file()
        if needed and project.handler is None and npm.own_build_script(project) is None:
            raise BuildFailed(
                "manifest.json declares endpoints or an entry, but the project has no handler.",
                hint="Write src/handler.ts or src/handler.py, or put a built component at dist/main.wasm.",
            )

    def _report(self, project: Project, started: float, *, cached: bool, warnings: tuple[Problem, ...] = ()) -> BuildReport:
        built = development_folder(project) / "main.wasm" if self.options.development else project.component
        component = built if built.is_file() else None
        pages = project.pages if project.pages.is_dir() else None
        types = self._types
        return BuildReport(
            project=project.root,
            language=project.language,
            component=component,
            component_bytes=None if component is None else component.stat().st_size,
            pages=pages,
            cached=cached,
            duration_ms=(time.perf_counter() - started) * 1000,
            steps=tuple(self._steps),
            changed=Changed() if cached else Changed(component=component is not None, pages=pages is not None, manifest=True),
            warnings=warnings,
            type_problems=types.result() if types is not None and types.done() and types.exception() is None else (),
        )

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._steps.append(Step(name, (time.perf_counter() - started) * 1000))

    async def _component(self, project: Project, handler: Path) -> BuiltPart:
        with self._step("component"):
            if project.language is Language.PYTHON:
                if self.options.development:
                    return await python.build_development(project, self._load_check, self._progress)
                return await python.build_component(project, handler, self._progress)
            engine = self.options.guest_engine
            if self.options.development:
                return await build_handler(project, handler, self._driver, self._toolchain, engine, self._load_check)
            return await javascript.build_component(project, handler, self._driver, engine)

    async def _page(self, project: Project, page: Path) -> BuiltPart:
        with self._step("page"):
            return await javascript.build_page(project, page, self._driver)

    async def _build_parts(self, project: Project) -> list[BuiltPart]:
        needs_node = project.language is Language.JAVASCRIPT or project.page is not None or npm.own_build_script(project) is not None
        if needs_node:
            await self._toolchain.ensure(self._progress)
            if not self.options.skip_install:
                await npm.install(project, self._toolchain, self._progress)
        own = await run_own_build(project, self._toolchain, self._progress)
        self._own_warnings = () if own.warning is None else (own.warning,)
        await self._start_type_check(project if needs_node else None)
        works: list[Awaitable[BuiltPart]] = []
        if project.handler is not None and not own.component:
            works.append(self._component(project, project.handler))
        if project.page is not None and not own.pages:
            works.append(self._page(project, project.page))
        if works:
            self._progress("Building")
        parts = await _run_all(works)
        try:
            await self._check_strictly()
        except BaseException:
            for part in parts:
                part.discard()
            raise
        for part in parts:
            part.publish()
        return parts

    async def _check_strictly(self) -> None:
        if self.options.strict and (problems := await self.type_problems()):
            raise types_failed(problems)

    async def _stop_type_check(self) -> None:
        task, self._types = self._types, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _start_type_check(self, project: Project | None) -> None:
        await self._stop_type_check()
        if project is not None:
            self._types = asyncio.ensure_future(check_types(project, self._toolchain))
