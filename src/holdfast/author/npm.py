"""The project's own npm packages and its own build script, where it has any."""

from __future__ import annotations

from holdfast.author.errors import BuildFailed, ToolchainUnavailable
from holdfast.author.javascript import GUEST_NAMES, IFRAME_NAMES
from holdfast.author.project import Project
from holdfast.author.tool_process import ToolResult, run
from holdfast.author.toolchain import Progress, Toolchain

TIMEOUT = 600.0
_OURS = {*GUEST_NAMES, *IFRAME_NAMES}


async def _npm(project: Project, toolchain: Toolchain, *arguments: str) -> ToolResult:
    try:
        return await run([toolchain.npm, *arguments], cwd=project.root, timeout=TIMEOUT)
    except FileNotFoundError:
        raise ToolchainUnavailable("npm is not installed.", hint="It comes with Node; see that `npm` is on PATH.") from None


def needs_install(project: Project) -> bool:
    """Whether the project names packages that the build does not bring itself, and has none installed."""
    named = project.package.get("dependencies")
    wanted = set(named) - _OURS if isinstance(named, dict) else set()
    script_needs = own_build_script(project) is not None and bool(project.package.get("devDependencies"))
    return (bool(wanted) or script_needs) and not (project.root / "node_modules").is_dir()


def own_build_script(project: Project) -> str | None:
    """The project's `build` script, unless it only calls this build again."""
    scripts = project.package.get("scripts")
    script = scripts.get("build") if isinstance(scripts, dict) else None
    if not isinstance(script, str) or "alga build" in script or "holdfast build" in script:
        return None
    return script


async def install(project: Project, toolchain: Toolchain, progress: Progress) -> None:
    """Installs the project's packages when there are none yet. Raises BuildFailed with npm's last lines."""
    if not needs_install(project):
        return
    progress("Installing the project's packages")
    locked = (project.root / "package-lock.json").is_file()
    done = await _npm(project, toolchain, "ci" if locked else "install", "--no-audit", "--no-fund")
    if done.status != 0:
        raise BuildFailed(f"The project's packages could not be installed. npm said:\n{done.last_lines()}")


async def run_own_build_script(project: Project, toolchain: Toolchain, progress: Progress) -> bool:
    """Runs the project's own build script, if it has one; answers whether it had. Raises BuildFailed with its last lines."""
    if own_build_script(project) is None:
        return False
    progress("Running the project's build script")
    done = await _npm(project, toolchain, "run", "build")
    if done.status != 0:
        raise BuildFailed(f"`npm run build` failed:\n{done.last_lines(30)}", hint="That script is the project's own, in package.json.")
    return True
