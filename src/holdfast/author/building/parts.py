"""The parts of a build, each built only when its own inputs have changed: own build script, component, page.

own script ──▶ did it write a component? ──no──▶ component ┐ at the same time
          └──▶ did it write pages?       ──no──▶ page      ┘
"""

from __future__ import annotations

import asyncio
import hashlib
import json

import holdfast
from holdfast.author import resources
from holdfast.author.inputs.record import PartRecord
from holdfast.author.inputs.script_inputs import ScriptWatch, without_handler_files
from holdfast.author.inputs.snapshot import inputs_of_script, look_before, name_of
from holdfast.author.inputs.state import FileState, file_hash, read_state
from holdfast.author.inputs.walk import project_files
from holdfast.author.javascript import bundling
from holdfast.author.options import BuildOptions
from holdfast.author.pages.building import page_request
from holdfast.author.project import Language, Project
from holdfast.author.python.component import GLUE
from holdfast.author.sdk_aliases import sdk_aliases
from holdfast.author.tools import npm
from holdfast.author.tools.own_build import OwnOutputs, run_own_build
from holdfast.author.tools.toolchain import Progress, Toolchain
from holdfast.bundles.archive.packing import page_files, page_folder

COMPONENT, PAGE, SCRIPT = "component", "page", "script"
DEVELOPMENT = "development"
"""The component of `holdfast dev`. The record keeps it beside the one that can be packed."""


def _digest(*values: object) -> str:
    return hashlib.sha256(json.dumps([str(value) for value in values]).encode()).hexdigest()


def _python_sdk() -> str:
    files = sorted((resources.sdk_folder("python") / "holdfast_sdk").rglob("*.py"))
    return _digest(*(file_hash(path) for path in files))


def part_constants(project: Project, toolchain: Toolchain, options: BuildOptions) -> dict[str, str]:
    """The parts that this project can have, each with a hash of the options and tools that it is built with."""
    # Holdfast's version and the toolchain's keys count too: a new SDK or compiler must build unchanged projects again.
    tools = (holdfast.__version__, toolchain.key, toolchain.driver_key)
    aliases = sdk_aliases(project.root)
    found: dict[str, str] = {}
    scripts = npm.scripts_of(project)
    if npm.own_build_script(project) is not None or not scripts.keys().isdisjoint(("prebuild", "postbuild")):
        found[SCRIPT] = _digest(*tools, options.development, *(scripts.get(name) for name in ("prebuild", "build", "postbuild")))
    if project.handler is not None and project.language is Language.JAVASCRIPT:
        request = bundling.bundle_request(project, project.handler, options.guest_engine)
        found[COMPONENT] = _digest(*tools, options.guest_engine, aliases, request)
    elif project.handler is not None:
        found[COMPONENT] = _digest(*tools, project.handler.relative_to(project.root), GLUE, _python_sdk())
    if options.development and COMPONENT in found:
        found[DEVELOPMENT] = found.pop(COMPONENT)
    if project.page is not None:
        found[PAGE] = _digest(*tools, aliases, page_request(project, project.page))
    return found


def wrote(script: PartRecord | None, part: str) -> bool:
    """Whether the own build script produced this part."""
    return script is not None and (COMPONENT if part == DEVELOPMENT else part) in script.made


def _outputs_of_script(project: Project, own: OwnOutputs) -> dict[str, FileState]:
    pages = page_files(project.root).values() if own.pages and page_folder(project.root) != project.root / "ui" else ()
    paths = [*([project.component] if own.component else []), *pages]
    return {name_of(path, project.root): state for path in paths if (state := read_state(path)) is not None}


async def run_script(project: Project, toolchain: Toolchain, progress: Progress, constants: str, last: PartRecord | None) -> PartRecord:
    """Runs the project's own build script, and records what it made. A script that lacks a tool makes nothing, and has a warning.

    `last` is the record of its last run.

    Raises BuildFailed, BuildToolError.
    """
    root = project.root
    # npm writes this file whenever it changes node_modules.
    installed = [folder / "node_modules" / ".package-lock.json" for folder in (root, *root.parents)]
    before = await asyncio.to_thread(lambda: look_before(root, [*project_files(root), *installed]))
    watch = await asyncio.to_thread(ScriptWatch, root, before)
    with watch:
        own = await run_own_build(project, toolchain, progress)
    return PartRecord(
        constants,
        await asyncio.to_thread(inputs_of_script, root, before),
        await asyncio.to_thread(_outputs_of_script, project, own),
        warnings=() if own.warning is None else (own.warning,),
        made=tuple(name for name, made in ((COMPONENT, own.component), (PAGE, own.pages)) if made),
        opened=watch.names(last if last is not None and last.constants == constants else None),
    )


def narrow_script(parts: dict[str, PartRecord]) -> dict[str, PartRecord]:
    """The parts of a finished build; a script that made the pages and not the component does not depend on all files of the handler."""
    script = parts.get(SCRIPT)
    component = parts.get(COMPONENT) or parts.get(DEVELOPMENT)
    if script is None or component is None or script.made != (PAGE,):
        return parts
    return {**parts, SCRIPT: without_handler_files(script, component)}
