"""Builds one project again and again: `dist/main.wasm` from the handler, `dist/ui` from the page.

part unchanged since its last build? ──yes──▶ kept
     │ no
     ▼
packages, own build script ──▶ component ┐ at the    all succeed ──▶ published together ──▶ recorded
                               page      ┘ same time  one fails ──▶ all outputs removed, the old ones stay, the failure is recorded
                               types ──────▶ reported when they are known; they fail the build only with `strict`

A session keeps the Node process of the toolchain between its builds. One build runs at a time; a second one waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from msgspec.structs import replace

from holdfast.author import python
from holdfast.author.building.parts import COMPONENT, DEVELOPMENT, PAGE, SCRIPT, narrow_script, part_constants, run_script, wrote
from holdfast.author.building.report import BuildReport, Step, compare_records
from holdfast.author.development.handler import build_handler, development_folder
from holdfast.author.development.loading import LoadCheck
from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.inputs.record import PartRecord, Record, check_part, read_record, write_record
from holdfast.author.inputs.served import read_served, watched_pages
from holdfast.author.inputs.snapshot import Before, check_files, look_before, name_of, watched_paths
from holdfast.author.inputs.staged_output import BuiltPart
from holdfast.author.inputs.state import file_hash, read_state, refresh_state
from holdfast.author.inputs.walk import project_files
from holdfast.author.javascript import bundling
from holdfast.author.options import BuildOptions
from holdfast.author.pages.absolute_paths import find_absolute_paths
from holdfast.author.pages.building import build_page
from holdfast.author.pages.file_workers import find_file_workers
from holdfast.author.project import Language, Project, read_project
from holdfast.author.tools import npm
from holdfast.author.tools.driver import Driver
from holdfast.author.tools.own_build import finish_own_build
from holdfast.author.tools.toolchain import Progress, Toolchain, no_progress
from holdfast.author.tools.typecheck import TypeCheck, types_failed
from holdfast.author.undelivered_events import find_undelivered_events
from holdfast.concurrency.workspaces import remove_stale_temporary_folders, staging_folder

_COMPONENTS = {COMPONENT, DEVELOPMENT}


async def _run_all(works: dict[str, Awaitable[BuiltPart]]) -> dict[str, BuiltPart]:
    """Runs all works at once, and raises the first error."""
    tasks = {name: asyncio.ensure_future(work) for name, work in works.items()}
    # Waits for all of them, also after an error: a work that still runs would write its output after the staging folder is removed.
    results = await asyncio.gather(*tasks.values(), return_exceptions=True)
    failure = next((result for result in results if isinstance(result, BaseException)), None)
    if failure is not None:
        raise failure
    return {name: task.result() for name, task in tasks.items()}


class BuildSession:
    """Builds of the extension in the folder `project`. An asynchronous context manager: its end stops the toolchain's process.

    `progress` gets a sentence before each step that takes time. `artifacts` is the folder of compiled components, best that of the runner
    that gets the builds: then only one of the two compiles. The default is one beside the toolchain.
    """

    def __init__(
        self,
        project: Path,
        *,
        toolchain: Toolchain | None = None,
        progress: Progress = no_progress,
        options: BuildOptions | None = None,
        artifacts: Path | None = None,
    ) -> None:
        self.root = project.resolve()
        self.options = options or BuildOptions()
        self._chosen_engine = self.options.engine
        self._toolchain = toolchain or Toolchain()
        self._driver = Driver(self._toolchain)
        self._load_check = LoadCheck(artifacts or self._toolchain.root / "artifacts", progress)
        self._progress = progress
        self._building = asyncio.Lock()
        self._type_check = TypeCheck(self.root, self._toolchain)
        self._forced = self._is_cleaned = False
        self._steps: list[Step] = []
        self._inputs: frozenset[Path] = frozenset()

    async def __aenter__(self) -> BuildSession:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Stops the type check and the toolchain's process."""
        await self._type_check.stop()
        await self._driver.close()
        await self._load_check.close()

    @property
    def inputs(self) -> frozenset[Path]:
        """What the last build depended on, also if it failed: files, and folders in which a new file would matter. Absolute paths."""
        return self._inputs

    async def type_problems(self) -> tuple[Problem, ...]:
        """The type errors of the last build; waits for its type check. Raises BuildToolError."""
        return await self._type_check.problems()

    async def build(self, *, force: bool = False) -> BuildReport:
        """Builds what has changed, everything with `force`. Outputs are published completely or not at all.

        Raises BuildFailed, BuildToolError, ManifestError.
        """
        async with self._building:
            self._steps = []
            await self._type_check.stop()
            try:
                return await self._build(force=force or self.options.force)
            except BuildFailed as failure:
                await asyncio.to_thread(self._record_failure, failure)
                raise

    def _record_failure(self, failure: BuildFailed) -> None:
        """Remembers the failure for `pack`, and every file that could be corrected."""
        record = read_record(self.root)
        write_record(self.root, replace(record, failed=failure.summary))
        own = project_files(self.root)
        known = {path for part in record.parts.values() for path in watched_paths(self.root, part.inputs)}
        self._inputs |= {*own, *(path.parent for path in (*own, *failure.inputs)), *failure.inputs, *known}

    async def _build(self, *, force: bool) -> BuildReport:
        started = time.perf_counter()
        project = await asyncio.to_thread(read_project, self.root)
        self.options = replace(self.options, engine=self._chosen_engine or project.engine)
        last = await asyncio.to_thread(read_record, self.root)
        constants = part_constants(project, self._toolchain, self.options)
        kept = {} if force else await asyncio.to_thread(self._unchanged_parts, last, constants)
        _check_handler(project)
        self._forced = force
        parts = await self._build_parts(project, last, constants, kept)
        # Stamps that are newer do not make a part a new one.
        cached = all(name in kept for name in parts)
        if cached and (self.options.strict or last.types is None or last.types):
            self._start_type_check(project)
            await self._check_strictly()
        return await self._finish(project, last, parts, started, cached=cached)

    def _unchanged_parts(self, last: Record, constants: dict[str, str]) -> dict[str, PartRecord]:
        checked = {name: check_part(self.root, last.parts.get(name), value) for name, value in constants.items()}
        return {name: part for name, part in checked.items() if part is not None}

    async def _build_parts(
        self, project: Project, last: Record, constants: dict[str, str], kept: dict[str, PartRecord]
    ) -> dict[str, PartRecord]:
        """The records of all parts, of those in `kept` and of those that are built now."""
        todo = [name for name in constants if name not in kept]
        if all(wrote(kept.get(SCRIPT), name) for name in todo):
            return {name: part for name, part in kept.items() if name == SCRIPT or not wrote(kept.get(SCRIPT), name)}
        await self._prepare(project)
        parts: dict[str, PartRecord] = {}
        script = kept.get(SCRIPT)
        if SCRIPT in constants and script is None:
            # What a type check opens is not what the script opens.
            await self._type_check.stop()
            script = await self._script(project, constants[SCRIPT], last)
            # It may have written sources of the other parts.
            kept = await asyncio.to_thread(self._unchanged_parts, last, constants) if kept else {}
        self._start_type_check(project)
        if script is not None:
            parts[SCRIPT] = script
        wanted = [name for name in constants if name != SCRIPT and not wrote(script, name)]
        parts |= {name: kept[name] for name in wanted if name in kept}
        parts |= await self._publish(project, last, {name: constants[name] for name in wanted if name not in kept})
        if SCRIPT in todo and not self.options.development:
            await finish_own_build(project, self._toolchain, self._progress)
        return narrow_script(parts)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._steps.append(Step(name, (time.perf_counter() - started) * 1000))

    async def _prepare(self, project: Project) -> None:
        if not _needs_node(project):
            return
        await self._toolchain.ensure(self._progress)
        await self._toolchain.ensure_engine(self.options.guest_engine, self._progress)
        if not self.options.skip_install and npm.needs_install(project):
            with self._step("packages"):
                await npm.install(project, self._toolchain, self._progress)

    async def _script(self, project: Project, constants: str, last: Record) -> PartRecord:
        with self._step(SCRIPT):
            return await run_script(project, self._toolchain, self._progress, constants, last.parts.get(SCRIPT))

    async def _publish(self, project: Project, last: Record, constants: dict[str, str]) -> dict[str, PartRecord]:
        """Builds the component, the page or both, and publishes them if everything succeeds."""
        if not constants:
            return {}
        self._progress("Building")
        known = _configurations(project.root, last)
        if project.language is Language.PYTHON and _COMPONENTS & constants.keys():
            known |= python.project_inputs(project)
        before = await asyncio.to_thread(look_before, project.root, known)
        if not self._is_cleaned:
            self._is_cleaned = True
            await asyncio.to_thread(remove_stale_temporary_folders)
        with staging_folder(project.root / "dist") as staging:
            works: dict[str, Awaitable[BuiltPart]] = {}
            for name in _COMPONENTS & constants.keys():
                code = None if self._forced else _usable_code(project, last.parts.get(name), constants[name])
                works[name] = self._component(project, before, staging, code)
            if PAGE in constants and project.page is not None:
                works[PAGE] = self._page(project, project.page, before, staging)
            built = await _run_all(works)
            await self._check_strictly()
            for part in built.values():
                part.publish()
        return {name: _record_of(project, constants[name], part, last.parts.get(name)) for name, part in built.items()}

    async def _component(self, project: Project, before: Before, staging: Path, built_code: str | None) -> BuiltPart:
        handler = project.handler
        assert handler is not None
        with self._step(COMPONENT):
            if project.language is Language.PYTHON:
                if self.options.development:
                    return await python.build_development(project, self._load_check, before, staging, self._progress)
                return await python.build_component(project, handler, before, staging, self._progress)
            engine = self.options.guest_engine
            if self.options.development:
                tools = (self._driver, self._toolchain, engine, self._load_check)
                return await build_handler(project, handler, *tools, before, staging, built_code=built_code, progress=self._progress)
            return await bundling.build_component(project, handler, self._driver, engine, before, staging, built_code=built_code)

    async def _page(self, project: Project, page: Path, before: Before, staging: Path) -> BuiltPart:
        with self._step(PAGE):
            return await build_page(project, page, self._driver, before, staging)

    def _start_type_check(self, project: Project) -> None:
        if _needs_node(project):
            self._type_check.start(self._record_types)

    async def _check_strictly(self) -> None:
        if self.options.strict and (problems := await self.type_problems()):
            raise types_failed(self.root, problems)

    def _record_types(self, problems: tuple[Problem, ...]) -> None:
        record = read_record(self.root)
        if record.parts:
            write_record(self.root, replace(record, types=problems))

    async def _finish(self, project: Project, last: Record, parts: dict[str, PartRecord], started: float, *, cached: bool) -> BuildReport:
        # What this mode does not build stays known: `pack` asks whether dist/main.wasm is still the one of its sources.
        others = {name: part for name, part in last.parts.items() if name in _COMPONENTS - parts.keys() and project.handler is not None}
        record = await asyncio.to_thread(_current_record, project, last, {**others, **parts})
        types = self._type_check.known
        record = replace(record, types=types if types is not None or not cached else last.types)
        if record != last:
            # In the event loop, like the record of types: they never overlap.
            write_record(self.root, record)
        watched = {path for part in parts.values() for path in watched_paths(self.root, part.inputs)}
        self._inputs = frozenset({project.root / "manifest.json", *watched, *watched_pages(project.root)})
        found = await asyncio.to_thread(_find_problems, self.root, is_bundled=PAGE in parts)
        built = development_folder(project) / "main.wasm" if DEVELOPMENT in parts else project.component
        component = built if built.is_file() else None
        return BuildReport(
            project=project.root,
            language=project.language,
            component=component,
            component_bytes=None if component is None else component.stat().st_size,
            pages=project.pages if project.pages.is_dir() else None,
            cached=cached,
            duration_ms=(time.perf_counter() - started) * 1000,
            steps=tuple(self._steps),
            changed=compare_records(last, record),
            warnings=(*(warning for part in parts.values() for warning in part.warnings), *found),
            type_problems=record.types or (),
        )


def _find_problems(root: Path, *, is_bundled: bool) -> tuple[Problem, ...]:
    """What will not work in the pages, and events that are not delivered. Workers of a bundled page are known from its build."""
    return find_absolute_paths(root) + (() if is_bundled else find_file_workers(root)) + find_undelivered_events(root)


def _needs_node(project: Project) -> bool:
    return project.language is Language.JAVASCRIPT or project.page is not None or npm.own_build_script(project) is not None


def _check_handler(project: Project) -> None:
    needed = project.manifest.needs_component and not project.component.is_file()
    if needed and project.handler is None and npm.own_build_script(project) is None:
        raise BuildFailed(
            "manifest.json declares endpoints or an entry, but the project has no handler.",
            hint="Write src/handler.ts or src/handler.py, or put a built component at dist/main.wasm.",
        )


def _configurations(root: Path, last: Record) -> set[Path]:
    """The files that decided how the last build found its sources, also those of linked packages."""
    names = {name for part in last.parts.values() for name in part.inputs.files}
    return {root / name for name in names if name.endswith(".json")}


def _usable_code(project: Project, last: PartRecord | None, constants: str) -> str | None:
    """The bundle that the component in place was made of; None if other tools made it, or if it is not what the record says."""
    if last is None or last.constants != constants or check_files(project.root, last.outputs) is None:
        return None
    return last.code


def _record_of(project: Project, constants: str, built: BuiltPart, last: PartRecord | None) -> PartRecord:
    """The record of a published part."""
    if built.kept and last is not None:
        return PartRecord(constants, built.inputs, last.outputs, built.code, built.warnings)
    targets = [output.target for output in built.outputs]
    paths = [path for target in targets for path in ([target] if target.is_file() else target.rglob("*"))]
    # A component that needed no new copy is still an output.
    paths += [project.root / name for name in last.outputs if name.endswith(".wasm")] if last is not None else []
    outputs = {name_of(path, project.root): state for path in paths if (state := read_state(path)) is not None}
    return PartRecord(constants, built.inputs, outputs, built.code, built.warnings)


def _current_record(project: Project, last: Record, parts: dict[str, PartRecord]) -> Record:
    """The record of a build that succeeded, with the states of what the platform serves now."""
    root = project.root
    return Record(
        manifest=file_hash(root / "manifest.json"),
        parts=parts,
        component=refresh_state(project.component, last.component),
        served=read_served(root, last.served),
    )
