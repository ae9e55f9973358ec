"""What a new project needs beyond its files: npm packages, an environment with a type checker for Python, a Git repository.

Each step returns a sentence for the author when it failed: the project exists by then, and the author can repeat the step.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from holdfast.author.errors import BuildToolError
from holdfast.author.tools.process import run
from holdfast.author.tools.toolchain import Progress, Toolchain

TIMEOUT = 300.0
GIT_TIMEOUT = 30.0


async def install_npm_packages(folder: Path, toolchain: Toolchain, progress: Progress) -> str | None:
    """Installs what package-lock.json pins. Returns what failed, if anything."""
    progress("Installing the project's npm packages")
    # No package runs its install script on the author's machine.
    # Offline first: npm's cache has the tools that the toolchain has, too.
    flags = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    failure = await _attempt([toolchain.npm, "ci", *flags], folder)
    return (
        None
        if failure is None
        else f"The npm packages are not installed. {failure.rstrip('.')}. Run `npm ci` in the project when the network is back."
    )


async def create_python_environment(folder: Path, progress: Progress) -> str | None:
    """Creates `.venv` with what requirements-dev.txt lists. Returns what failed, if anything."""
    progress("Creating .venv with the type checker")
    failure = await _attempt([sys.executable, "-m", "venv", ".venv"], folder)
    if failure is None:
        # Relative to `folder`, in which the command runs.
        pip = [".venv/bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
        failure = await _attempt([*pip, "install", "-r", "requirements-dev.txt"], folder)
    if failure is None:
        return None
    return f"The type checker for Python is not installed. {failure.rstrip('.')}. requirements-dev.txt says how to install it."


async def create_git_repository(folder: Path) -> str | None:
    """Creates a Git repository, unless the folder is in one already or there is no Git. Returns what failed, if anything."""
    git = shutil.which("git")
    if git is None:
        return None
    # A project inside a repository belongs to it. Git answers 128 outside of any.
    inside = await run([git, "rev-parse", "--is-inside-work-tree"], cwd=folder, timeout=GIT_TIMEOUT)
    if inside.status == 0:
        return None
    failure = await _attempt([git, "init", "--quiet"], folder)
    return None if failure is None else f"No Git repository was created. {failure.rstrip('.')}."


async def _attempt(command: Sequence[str | Path], folder: Path) -> str | None:
    """The reason of a failure in one line; None when the command succeeded."""
    try:
        done = await run(command, cwd=folder, timeout=TIMEOUT)
    except (FileNotFoundError, PermissionError):
        return f"{command[0]} is not installed."
    except BuildToolError as error:
        return str(error)
    return None if done.status == 0 else f"{Path(command[0]).name} reported: {done.error_line()}"
