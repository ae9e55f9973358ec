"""Builds for `holdfast dev`: one component for all projects with the same packages, and the project's files as JSON next to it.

packages changed ──▶ component (seconds; kept in the cache by content) ──────▶ dist/development/main.wasm
src/ saved ──▶ handler.json ──loaded once in the component, not called──▶ dist/development/handler.json
                                    └──fails──▶ BuildFailed with file and line
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import shutil
from pathlib import Path

import msgspec

from holdfast.author import resources
from holdfast.author.development.loading import LoadCheck
from holdfast.author.errors import BuildToolError
from holdfast.author.inputs.snapshot import Before, inputs_of_paths
from holdfast.author.inputs.staged_output import BuiltPart, StagedOutput
from holdfast.author.project import Project
from holdfast.author.python.cache import PythonCache
from holdfast.author.python.compiled_folders import standard_library
from holdfast.author.python.componentize import componentize, version
from holdfast.author.python.image import place_images
from holdfast.author.python.packages import Packages, build_failed, find_packages
from holdfast.author.python.project_files import project_inputs, source_files
from holdfast.author.tools.toolchain import Progress, no_progress
from holdfast.concurrency.workspaces import temporary_folder

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
    project: Project,
    check: LoadCheck,
    before: Before,
    staging: Path,
    progress: Progress = no_progress,
    cache: PythonCache | None = None,
) -> BuiltPart:
    """Builds `dist/development/main.wasm` and `handler.json`, in `staging` until they are published. Raises BuildFailed, BuildToolError."""
    cache = cache or PythonCache()
    packages = await find_packages(project, cache, progress)
    wasm = await development_component(cache, packages, progress)
    files = await asyncio.to_thread(_read_sources, project)
    compiled = await _load(project, packages, wasm, files, check)
    outputs = await asyncio.to_thread(_stage, project.root / "dist" / "development", staging, wasm, {**files, **compiled})
    inputs = await asyncio.to_thread(lambda: inputs_of_paths(project.root, project_inputs(project) | packages.requirements, before))
    return BuiltPart(outputs, inputs, packages.warnings)


async def development_component(cache: PythonCache, packages: Packages, progress: Progress) -> Path:
    """The path of the development component with these packages. Raises BuildToolError."""
    images = [await standard_library(cache, progress), *await packages.images(cache, progress)]
    key = await asyncio.to_thread(_key, images, f"{await version()} {packages.compiled} {packages.users}")

    async def make(target: Path) -> None:
        await _build_component(target, images, packages)

    return await cache.once(f"{key}.wasm", "Building the development component for Python (once for these packages)", progress, make)


async def _load(project: Project, packages: Packages, wasm: Path, files: dict[str, object], check: LoadCheck) -> dict[str, object]:
    """Loads the project as a call would. Returns its compiled modules, by path. Raises BuildFailed when it cannot be imported."""
    response = await check.run(wasm, msgspec.json.encode(files).decode())
    body = response.body or b""
    if response.status != 200:
        raise build_failed(project.root, packages, body.decode(errors="replace"))
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


def _write_entry(scratch: Path, images: list[Path], packages: Packages) -> tuple[Path, Path]:
    """The folders of the entry and of the WIT package."""
    entry, wit = scratch / "entry", scratch / "wit"
    entry.mkdir()
    (entry / "holdfast_development.py").write_text(_ENTRY)
    place_images(entry, images, [packages.compiled_list()])
    wit.mkdir()
    shutil.copyfile(resources.WORLD_WIT, wit / resources.WORLD_WIT.name)
    (wit / "python-development.wit").write_text(_WORLD)
    shutil.copytree(_SOURCE_WIT, wit / "deps" / "development")
    return entry, wit


async def _build_component(target: Path, images: list[Path], packages: Packages) -> None:
    """Builds the development component. Raises BuildToolError."""
    with temporary_folder("build") as scratch:
        entry, wit = await asyncio.to_thread(_write_entry, scratch, images, packages)
        sdk = resources.sdk_folder("python")
        done = await componentize("holdfast_development", [entry, sdk], target, scratch=scratch, wit=wit, world="python-development")
    if done.status != 0:
        raise BuildToolError(
            "toolchain_unavailable", f"The development component cannot be built. componentize-py reported:\n{done.last_lines()}"
        )


def _stage(folder: Path, staging: Path, wasm: Path, files: dict[str, object]) -> tuple[StagedOutput, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    staged = [StagedOutput(staging / "handler.json", folder / "handler.json")]
    staged[0].path.write_bytes(msgspec.json.encode(files))
    component = folder / "main.wasm"
    # The same file for every project: linked, because copying 25 MB would be most of the time of a build.
    if not (component.is_file() and component.samefile(wasm)):
        staged.append(StagedOutput(staging / "main.wasm", component))
        try:
            staged[1].path.hardlink_to(wasm)
        except OSError:
            shutil.copyfile(wasm, staged[1].path)
    return tuple(staged)
