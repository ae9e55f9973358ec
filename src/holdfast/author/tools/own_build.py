"""Runs the build script of a project's package.json, and reports which outputs it produced.

script ──exit 0──▶ outputs that changed are the script's; Holdfast builds the others
   └──fails──▶ a program or package is missing? ──no──▶ BuildFailed with the script's last lines
                    └──yes──▶ nothing is the script's: Holdfast builds everything, and says so
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.project import Project
from holdfast.author.tools import npm
from holdfast.author.tools.toolchain import Progress, Toolchain

# What shells, Node, npx, esbuild and Vite print when a program or a package is not installed. A group, if there is one, names it.
_MISSING = (
    re.compile(r"command not found: ([\w@./-]+)"),
    re.compile(r"(?:^|[\s:])([\w@./-]+): (?:command )?not found\b", re.M),
    re.compile(r"Cannot find (?:package|module) '((?!\.)[^'/][^']*)'"),
    re.compile(r"npx canceled due to missing packages.*?\[\"?'?([\w@./-]+)", re.S),
    re.compile(r"could not determine executable to run"),
    # The npm package `tsc` is not the compiler, and tells so.
    re.compile(r"This is not the (tsc) command you are looking for"),
    # jco with a peer dependency that npm did not install, or installed in another version.
    re.compile(r"failed to get path metadata"),
)


class OwnOutputs(Struct, frozen=True):
    """Which outputs are the script's, so that Holdfast does not build them. `warning` says why Holdfast builds instead of the script."""

    component: bool = False
    pages: bool = False
    warning: Problem | None = None


def missing_program(output: str) -> str | None:
    """The program or package whose absence the output of a script reports, "a program" if it has no name; None for other failures."""
    for pattern in _MISSING:
        found = pattern.search(output)
        if found is not None:
            return found[1] if pattern.groups else "a program that it needs"
    return None


async def run_own_build(project: Project, toolchain: Toolchain, progress: Progress) -> OwnOutputs:
    """Runs the script, if there is one; otherwise `prebuild`, as npm does before a `build`. Raises BuildFailed, BuildToolError."""
    if npm.own_build_script(project) is None:
        await _run_part(project, toolchain, progress, "prebuild")
        return OwnOutputs()
    progress("Running the project's build script")
    before = _states(project)
    done = await npm.run_script(project, toolchain, "build")
    if done.status != 0:
        missing = missing_program(f"{done.stdout}\n{done.stderr}")
        # Without a handler there is nothing that Holdfast could build into a component.
        if missing is None or (project.manifest.needs_component and project.handler is None):
            raise BuildFailed(
                f"`npm run build` failed:\n{done.last_lines(30)}",
                hint="Correct the script in package.json." if missing is None else f"Install what it needs: {missing} is missing.",
            )
        warning = f"The build script of package.json failed because {missing} is not installed. Holdfast builds the extension instead."
        progress(warning)
        return OwnOutputs(warning=Problem(warning, "package.json"))
    after = _states(project)
    changed = {path for path, state in after.items() if state is not None and state != before[path]}
    # Published scripts write `component.wasm`; the manifest and the bundle expect `main.wasm`.
    other = project.component.with_name("component.wasm")
    if project.component not in changed and other in changed:
        shutil.copyfile(other, project.component)
        changed.add(project.component)
    if not changed and project.manifest.needs_component and project.handler is None and not project.component.is_file():
        raise BuildFailed(
            "The build script of package.json wrote neither dist/main.wasm nor dist/component.wasm.",
            hint="Correct the script, or write src/handler.ts: Holdfast builds it.",
        )
    component = project.component in changed
    # A script that made all that the manifest needs may also have written its pages in place, where nothing tells them from sources.
    complete = component or not project.manifest.needs_component
    return OwnOutputs(component, complete or not changed.isdisjoint(_page_folders(project)))


async def finish_own_build(project: Project, toolchain: Toolchain, progress: Progress) -> None:
    """Runs `postbuild`, as npm does after a `build`, when the component of Holdfast is in place. Raises BuildFailed, BuildToolError."""
    if npm.own_build_script(project) is not None:
        return
    # Published `postbuild` scripts copy component.wasm over main.wasm: one of an earlier build would replace the new component.
    other = project.component.with_name("component.wasm")
    if other.is_file() and project.component.is_file():
        shutil.copyfile(project.component, other)
    await _run_part(project, toolchain, progress, "postbuild")


async def _run_part(project: Project, toolchain: Toolchain, progress: Progress, name: str) -> None:
    if name not in npm.scripts_of(project) or _npm_runs_build_of(project):
        return
    progress(f"Running the project's {name} script")
    done = await npm.run_script(project, toolchain, name)
    if done.status != 0:
        raise BuildFailed(f"npm run {name} failed:\n{done.last_lines(30)}", hint="Correct the script in package.json.")


def _npm_runs_build_of(project: Project) -> bool:
    """Whether this process belongs to `npm run build` of the project: then npm runs the other two scripts itself."""
    if npm.is_inside_build(project):
        return True
    described = os.environ.get("npm_package_json")  # noqa: SIM112 - npm's own name
    own = described is None or Path(described).resolve().parent == project.root
    return own and os.environ.get("npm_lifecycle_event") == "build"  # noqa: SIM112 - npm's own name


def _states(project: Project) -> dict[Path, object]:
    """What changes when an output is written again, also with the same content or an old date: for each output, None if it is absent."""
    files = (project.component, project.component.with_name("component.wasm"))
    states: dict[Path, object] = {path: _state(path) for path in files}
    return states | {folder: sorted(_tree_states(folder)) or None for folder in _page_folders(project)}


def _page_folders(project: Project) -> tuple[Path, Path]:
    """The folders of built pages that `holdfast pack` reads."""
    return project.pages, project.root / "ui" / "dist"


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_ctime_ns


def _tree_states(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            if (state := _state(path)) is not None:
                yield str(path), state
