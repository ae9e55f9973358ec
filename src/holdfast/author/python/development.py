"""Builds for `holdfast dev`: one component for all projects with the same packages, and the project's files as JSON beside it.

packages changed ──▶ component (seconds; kept in the cache by content) ──────▶ dist/development/main.wasm
src/ saved ──▶ handler.json ──loaded once in the component, not called──▶ dist/development/handler.json
                                    └──fails──▶ BuildFailed with file and line
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import msgspec

from holdfast.author import resources
from holdfast.author.errors import BuildFailed, BuildToolError
from holdfast.author.project import Project
from holdfast.author.python.compiled_folders import PythonCache
from holdfast.author.python.componentize import componentize, version
from holdfast.author.python.problems import find_problem, import_hint
from holdfast.author.python.project_files import project_inputs, source_files
from holdfast.author.staged_output import BuiltPart, StagedOutput
from holdfast.author.toolchain import Progress, no_progress
from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import ComponentError, Engine, Limits
from holdfast.world.functions import Function
from holdfast.world.types import ContextData, ExecuteRequest, HttpRequest

LOAD_SECONDS = 60
_LOAD = "holdfast:load"
_WORLD = """package alga:extension;

world python-development {
  include runner;

  import holdfast:development/source@0.1.0;
}
"""
_ENTRY = '''"""The development component's export: runs the handler whose files the host passes."""

from holdfast_sdk.component import start

start.begin(__file__)

from holdfast_sdk.component.development import preload, respond_from_source

preload()
start.finish()

import wit_world
from wit_world.imports import source


class WitWorld(wit_world.WitWorld):
    def handler(self, request):
        return respond_from_source(request, source.read)
'''
_SOURCE_WIT = resources.WIT_EXTRAS / "deps" / "development"


class _NoHost:
    """The host while the project is loaded: the log is dropped, and every other call ends the loading."""

    def __init__(self) -> None:
        self.refused: str | None = None

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        if function.interface == "logging":
            return None
        self.refused = function.id
        raise PermissionError(function.id)

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        pass


class DevelopmentBuilder:
    """Builds of one project or of several, in one event loop. `close` it at the end."""

    def __init__(self, cache: PythonCache | None = None) -> None:
        self._cache = cache or PythonCache()
        self._engine: Engine | None = None
        self._compiled: dict[str, tuple[bytes, str]] = {}

    async def close(self) -> None:
        """Frees the engine that loads projects."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()

    async def build(self, project: Project, packages: Path | None, progress: Progress = no_progress) -> BuiltPart:
        """Builds `dist/development/main.wasm` and `handler.json`. `packages` is the folder of the vendored packages, None without any.

        Raises BuildFailed, BuildToolError.
        """
        wasm = await self._component(packages, progress)
        files = await asyncio.to_thread(_read_sources, project)
        compiled = await self._load(project, wasm, files)
        folder = project.root / "dist" / "development"
        return await asyncio.to_thread(_stage, folder, wasm, {**files, **compiled}, project_inputs(project))

    async def _component(self, packages: Path | None, progress: Progress) -> Path:
        images = [await self._cache.standard_library(progress)]
        if packages is not None:
            images.append(await self._cache.packages(packages, progress))
        key = await asyncio.to_thread(_key, images, await version())
        words = "Building the development component for Python (once for these packages)"

        async def make(target: Path) -> None:
            await _build_component(target, images)

        return await self._cache.once(f"{key}.wasm", words, progress, make)

    async def _load(self, project: Project, wasm: Path, files: dict[str, object]) -> dict[str, object]:
        """Loads the project as a call would. Returns its compiled modules, by path. Raises BuildFailed when it cannot be imported."""
        if self._engine is None:
            self._engine = Engine(self._cache.root / "artifacts", pool=False)
        try:
            component = await self._engine.load(wasm, await asyncio.to_thread(hash_file, wasm))
        except ComponentError as error:
            raise BuildToolError("toolchain_unavailable", f"The development component cannot be used: {error.message}") from error
        request = ExecuteRequest(ContextData("build", "", "", None, None), HttpRequest("GET", _LOAD, [], None))
        loading = component.with_source(msgspec.json.encode(files).decode())
        host = _NoHost()
        outcome = await self._engine.execute(loading, request, host, Limits(timeout_ms=LOAD_SECONDS * 1000))
        if host.refused is not None:
            raise BuildFailed(
                f"The project calls {host.refused} of the host while it is imported.",
                hint="Code at the top level of a module runs once, at build time, without a host. Move the call into the handler.",
            )
        if outcome.response is None:
            assert outcome.failure is not None
            report = "\n".join([*outcome.failure.stderr, f"Error: {outcome.failure.message}"])
            raise BuildFailed("src/handler.py cannot be loaded.", problems=[find_problem(project.root, report)])
        body = outcome.response.body or b""
        if outcome.response.status != 200:
            problem = find_problem(project.root, body.decode(errors="replace"))
            raise BuildFailed("src/handler.py cannot be built.", problems=[problem], hint=import_hint(problem.text))
        found: dict[str, object] = msgspec.json.decode(body)
        return found


def _key(images: list[Path], constants: str) -> str:
    digest = hashlib.sha256(f"{constants} {_ENTRY} {_WORLD} {[image.name for image in images]}".encode())
    for source in (*sorted((resources.sdk_folder("python") / "holdfast_sdk").rglob("*.py")), resources.WORLD_WIT, *_SOURCE_WIT.iterdir()):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:20]


def _read_sources(project: Project) -> dict[str, object]:
    """The files below `src/` as JSON values: text, or `{"base64": …}` for what is not UTF-8."""
    files: dict[str, object] = {}
    for path in source_files(project):
        content = path.read_bytes()
        try:
            value: object = content.decode()
        except UnicodeDecodeError:
            value = {"base64": base64.b64encode(content).decode()}
        files[path.relative_to(project.root / "src").as_posix()] = value
    return files


def _write_entry(scratch: Path, images: list[Path]) -> tuple[Path, Path]:
    """The folders of the entry and of the WIT package."""
    entry, wit = scratch / "entry", scratch / "wit"
    entry.mkdir()
    (entry / "holdfast_development.py").write_text(_ENTRY)
    for number, image in enumerate(images):
        shutil.copyfile(image, entry / f"{number}.image")
    wit.mkdir()
    shutil.copyfile(resources.WORLD_WIT, wit / resources.WORLD_WIT.name)
    (wit / "python-development.wit").write_text(_WORLD)
    shutil.copytree(_SOURCE_WIT, wit / "deps" / "development")
    return entry, wit


async def _build_component(target: Path, images: list[Path]) -> None:
    """Builds the development component. Raises BuildToolError."""
    with tempfile.TemporaryDirectory(prefix="holdfast-build-") as folder:
        scratch = Path(folder)
        entry, wit = await asyncio.to_thread(_write_entry, scratch, images)
        sdk = resources.sdk_folder("python")
        done = await componentize("holdfast_development", [entry, sdk], target, scratch=scratch, wit=wit, world="python-development")
    if done.status != 0:
        raise BuildToolError(
            "toolchain_unavailable", f"The development component cannot be built. componentize-py reported:\n{done.last_lines()}"
        )


def _stage(folder: Path, wasm: Path, files: dict[str, object], inputs: frozenset[Path]) -> BuiltPart:
    folder.mkdir(parents=True, exist_ok=True)
    staged = [StagedOutput(folder / f".handler.{os.getpid()}.json", folder / "handler.json")]
    staged[0].path.write_bytes(msgspec.json.encode(files))
    component = folder / "main.wasm"
    # The same file for every project: linked, because copying 25 MB would be most of the time of a build.
    if not (component.is_file() and component.samefile(wasm)):
        staged.append(StagedOutput(folder / f".main.{os.getpid()}.wasm", component))
        staged[1].path.unlink(missing_ok=True)
        try:
            staged[1].path.hardlink_to(wasm)
        except OSError:
            shutil.copyfile(wasm, staged[1].path)
    return BuiltPart(tuple(staged), inputs)
