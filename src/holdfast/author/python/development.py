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

import msgspec

from holdfast.author import resources
from holdfast.author.development.loading import LoadCheck
from holdfast.author.errors import BuildFailed, BuildToolError
from holdfast.author.inputs.snapshot import Before, Inputs, inputs_of_paths
from holdfast.author.project import Project
from holdfast.author.python.compiled_folders import PythonCache
from holdfast.author.python.componentize import componentize, version
from holdfast.author.python.problems import find_problem, import_hint
from holdfast.author.python.project_files import project_inputs, source_files
from holdfast.author.staged_output import BuiltPart, StagedOutput
from holdfast.author.toolchain import Progress, no_progress

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


async def build_development(
    project: Project, check: LoadCheck, before: Before, progress: Progress = no_progress, cache: PythonCache | None = None
) -> BuiltPart:
    """Builds `dist/development/main.wasm` and `handler.json`. Raises BuildFailed, BuildToolError."""
    vendored = project.root / "vendor"
    wasm = await development_component(cache or PythonCache(), vendored if vendored.is_dir() else None, progress)
    files = await asyncio.to_thread(_read_sources, project)
    compiled = await _load(project, wasm, files, check)
    folder = project.root / "dist" / "development"
    inputs = await asyncio.to_thread(lambda: inputs_of_paths(project.root, project_inputs(project), before))
    return await asyncio.to_thread(_stage, folder, wasm, {**files, **compiled}, inputs)


async def development_component(cache: PythonCache, packages: Path | None, progress: Progress) -> Path:
    """The path of the development component with the packages in the folder `packages`. Raises BuildToolError."""
    images = [await cache.standard_library(progress)]
    if packages is not None:
        images.append(await cache.packages(packages, progress))
    key = await asyncio.to_thread(_key, images, await version())

    async def make(target: Path) -> None:
        await _build_component(target, images)

    return await cache.once(f"{key}.wasm", "Building the development component for Python (once for these packages)", progress, make)


async def _load(project: Project, wasm: Path, files: dict[str, object], check: LoadCheck) -> dict[str, object]:
    """Loads the project as a call would. Returns its compiled modules, by path. Raises BuildFailed when it cannot be imported."""
    response = await check.run(wasm, msgspec.json.encode(files).decode())
    body = response.body or b""
    if response.status != 200:
        problem = find_problem(project.root, body.decode(errors="replace"))
        raise BuildFailed("src/handler.py cannot be built.", problems=[problem], hint=import_hint(problem.text), project=project.root)
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


def _stage(folder: Path, wasm: Path, files: dict[str, object], inputs: Inputs) -> BuiltPart:
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
