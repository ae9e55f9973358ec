"""The npm packages and the build script of a project, if it has any."""

from __future__ import annotations

from holdfast.author.errors import BuildFailed, BuildToolError
from holdfast.author.javascript import GUEST_NAMES, IFRAME_NAMES
from holdfast.author.project import Project
from holdfast.author.toolchain import NPM_HINT, Progress, Toolchain
from holdfast.author.tools.process import ToolResult, run

TIMEOUT = 600.0
_PROVIDED = {*GUEST_NAMES, *IFRAME_NAMES}


async def _npm(project: Project, toolchain: Toolchain, *arguments: str) -> ToolResult:
    try:
        return await run([toolchain.npm, *arguments], cwd=project.root, timeout=TIMEOUT)
    except FileNotFoundError:
        raise BuildToolError("toolchain_unavailable", "npm is not installed.", hint=NPM_HINT) from None


def needs_install(project: Project) -> bool:
    """Whether the project needs packages that Holdfast does not provide, and has no `node_modules` yet."""
    declared = project.package.get("dependencies")
    missing = set(declared) - _PROVIDED if isinstance(declared, dict) else set()
    script_needs_packages = own_build_script(project) is not None and bool(project.package.get("devDependencies"))
    return (bool(missing) or script_needs_packages) and not (project.root / "node_modules").is_dir()


def own_build_script(project: Project) -> str | None:
    """The project's `build` script; None when there is none or it only runs this build."""
    scripts = project.package.get("scripts")
    script = scripts.get("build") if isinstance(scripts, dict) else None
    # Running a script that calls this build again would never end.
    if not isinstance(script, str) or "alga build" in script or "holdfast build" in script:
        return None
    return script


async def install(project: Project, toolchain: Toolchain, progress: Progress) -> None:
    """Installs the project's packages if `needs_install`. Raises BuildFailed with npm's last lines, BuildToolError."""
    if not needs_install(project):
        return
    progress("Installing the project's packages")
    # With a lock file, `npm ci` installs exactly what it pins; without one, only `npm install` works.
    locked = (project.root / "package-lock.json").is_file()
    done = await _npm(project, toolchain, "ci" if locked else "install", "--no-audit", "--no-fund")
    if done.status != 0:
        raise BuildFailed(
            f"The project's packages could not be installed. npm reported:\n{done.last_lines()}",
            hint="Check the network and the dependencies in package.json, then try again.",
        )


async def run_script(project: Project, toolchain: Toolchain, name: str) -> ToolResult:
    """Runs a script of package.json. Raises BuildToolError."""
    return await _npm(project, toolchain, "run", name)
