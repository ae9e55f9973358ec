"""Builds a component from `src/handler.py`.

src/ ─────────────────────────────────────▶ project.image ┐
packages ──compiled once per content──────▶ vendor.image  ├─ begin, import handler, finish ──▶ dist/main.wasm
standard library ──compiled once per tool─▶ library.image ┘      (snapshot of the interpreter)
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from holdfast.author import resources
from holdfast.author.inputs.snapshot import Before, inputs_of_paths
from holdfast.author.inputs.staged_output import BuiltPart, StagedOutput
from holdfast.author.project import Project
from holdfast.author.python.cache import PythonCache
from holdfast.author.python.compiled_folders import standard_library
from holdfast.author.python.componentize import componentize
from holdfast.author.python.image import place_images
from holdfast.author.python.packages import Packages, build_failed, find_packages
from holdfast.author.python.project_files import project_inputs, source_files
from holdfast.author.tools.toolchain import Progress, no_progress
from holdfast.concurrency.workspaces import temporary_folder

GLUE = '''"""The component's export: passes each request to the author's `handler`."""

from holdfast_sdk.component import start

start.begin(__file__)

import handler as author
from holdfast_sdk.glue import find_handler, respond

author_handler = find_handler(author)
start.finish()

import wit_world


class WitWorld(wit_world.WitWorld):
    def handler(self, request):
        return respond(author_handler, request)
'''


async def build_component(project: Project, handler: Path, before: Before, staging: Path, progress: Progress = no_progress) -> BuiltPart:
    """Builds `dist/main.wasm` from `src/handler.py`, with everything below `src/` and all packages inside.

    It is in `staging` until it is published. Raises BuildFailed, BuildToolError.
    """
    cache = PythonCache()
    packages = await find_packages(project, cache, progress)
    images = [await standard_library(cache, progress), *await packages.images(cache, progress)]
    staged = StagedOutput(staging / "main.wasm", project.component)
    with temporary_folder("build") as scratch:
        glue = scratch / "glue"
        await asyncio.to_thread(_write_glue, glue, project, images, packages)
        done = await componentize("holdfast_component", [glue, resources.sdk_folder("python")], staged.path, scratch=scratch)
        if done.status != 0:
            raise build_failed(project.root, packages, f"{done.stdout}\n{done.stderr}")
    inputs = await asyncio.to_thread(lambda: inputs_of_paths(project.root, project_inputs(project) | packages.requirements, before))
    return BuiltPart((staged,), inputs, packages.warnings)


def _write_glue(glue: Path, project: Project, images: list[Path], packages: Packages) -> None:
    glue.mkdir()
    (glue / "holdfast_component.py").write_text(GLUE)
    files = ((f"/{path.relative_to(project.root).as_posix()}", path.read_bytes()) for path in source_files(project))
    place_images(glue, images, [*files, packages.compiled_list()])
