"""The npm packages and the build script of a project, if it has any."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from holdfast.author.errors import BuildFailed, BuildToolError
from holdfast.author.project import Project
from holdfast.author.sdk_aliases import GUEST_NAMES, IFRAME_NAMES
from holdfast.author.tools.process import ToolResult, run
from holdfast.author.tools.toolchain import NPM_HINT, Progress, Toolchain

TIMEOUT = 600.0
_PROVIDED = {*GUEST_NAMES, *IFRAME_NAMES}


_INSIDE = "INSIDE_BUILD_OF"
"""The variable that scripts get: the folder whose build runs them."""


async def _npm(project: Project, toolchain: Toolchain, *arguments: str) -> ToolResult:
    try:
        return await run([toolchain.npm, *arguments], cwd=project.root, timeout=TIMEOUT, environment={_INSIDE: str(project.root)})
    except FileNotFoundError:
        raise BuildToolError("toolchain_unavailable", "npm is not installed.", hint=NPM_HINT) from None


def needs_install(project: Project) -> bool:
    """Whether the project needs packages that Holdfast does not provide, and has no `node_modules` yet."""
    script_needs_packages = own_build_script(project) is not None and bool(project.package.get("devDependencies"))
    if (project.root / "node_modules").is_dir() or not (_imports_packages(project) or script_needs_packages):
        return False
    tables = (project.package.get(name) for name in ("dependencies", "devDependencies"))
    return not _are_installed(project.root, {name for table in tables if isinstance(table, dict) for name in table} - _PROVIDED)


def _are_installed(root: Path, names: Iterable[str]) -> bool:
    """Whether Node finds all packages: those of a workspace are in a folder above."""
    folders = [folder / "node_modules" for folder in (root, *root.parents)]
    return all(any((folder / name).is_dir() for folder in folders) for name in names)


def _imports_packages(project: Project) -> bool:
    """Whether the extension itself needs packages that Holdfast does not provide. `devDependencies` are for scripts only."""
    declared = project.package.get("dependencies")
    return isinstance(declared, dict) and not _PROVIDED.issuperset(declared)


def is_inside_build(project: Project) -> bool:
    """Whether this process was started by a script that a build of the same project runs."""
    return os.environ.get(_INSIDE) == str(project.root)


def scripts_of(project: Project) -> dict[str, object]:
    """The scripts of package.json."""
    scripts = project.package.get("scripts")
    return scripts if isinstance(scripts, dict) else {}


def own_build_script(project: Project) -> str | None:
    """The project's `build` script; None when there is none or it only runs this build."""
    script = scripts_of(project).get("build")
    # Running a script that calls this build again would never end, also if it calls it through another script.
    if not isinstance(script, str) or "alga build" in script or "holdfast build" in script or is_inside_build(project):
        return None
    return script


async def install(project: Project, toolchain: Toolchain, progress: Progress) -> None:
    """Installs the project's packages if `needs_install`. Raises BuildFailed with npm's last lines, BuildToolError.

    Packages for the build script alone may be missing: without them the script fails, and Holdfast builds instead.
    """
    if not needs_install(project):
        return
    progress("Installing the project's packages")
    # With a lock file, `npm ci` installs exactly what it pins; without one, only `npm install` works.
    locked = (project.root / "package-lock.json").is_file()
    command = ["ci" if locked else "install", "--no-audit", "--no-fund"]
    done = await _npm(project, toolchain, *command)
    if done.status != 0 and "ERESOLVE" in done.stderr:
        # Published templates name versions of React that the published ui-kit does not list as its peers, although it works with them.
        progress("Two packages want different versions of a third one; installing them as npm 6 did (--legacy-peer-deps)")
        done = await _npm(project, toolchain, *command, "--legacy-peer-deps")
    if done.status == 0:
        return
    if not _imports_packages(project):
        progress(f"The packages of the build script could not be installed: {done.error_line()}")
        return
    raise BuildFailed(
        f"The project's packages could not be installed. npm reported:\n{done.last_lines()}",
        hint="Check the network and the dependencies in package.json, then try again.",
    )


async def run_script(project: Project, toolchain: Toolchain, name: str) -> ToolResult:
    """Runs a script of package.json. Raises BuildToolError."""
    return await _npm(project, toolchain, "run", name)
