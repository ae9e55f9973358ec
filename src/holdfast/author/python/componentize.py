"""Runs componentize-py: where it is, which version, and with which options."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from holdfast.author import resources
from holdfast.author.errors import BuildToolError
from holdfast.author.tools.process import ToolResult, run

BUILD_TIMEOUT = 900.0


def find_componentize_py() -> str:
    """The path of componentize-py. Raises BuildToolError when it is not installed."""
    # The one of this environment first: its version is pinned.
    installed = Path(sys.executable).parent / "componentize-py"
    found = str(installed) if installed.is_file() else shutil.which("componentize-py")
    if found is None:
        raise BuildToolError(
            "toolchain_unavailable",
            "componentize-py is not installed, and handlers in Python need it.",
            hint="Run `pip install 'holdfast[python]'`.",
        )
    return found


async def version() -> str:
    """The version of componentize-py, such as `0.25.1`. Raises BuildToolError when it is not installed."""
    program = find_componentize_py()
    if Path(program).parent == Path(sys.executable).parent:
        return importlib.metadata.version("componentize-py")
    shown = await run([program, "--version"], cwd=Path.cwd(), timeout=60)
    return shown.stdout.strip()


async def componentize(
    module: str,
    folders: Sequence[Path],
    output: Path,
    *,
    scratch: Path,
    wit: Path = resources.WORLD_WIT,
    world: str = "runner",
) -> ToolResult:
    """Builds the component of `module`, which is found in `folders`, and writes it to `output`. `scratch` is a working folder.

    Raises BuildToolError when componentize-py is missing or does not end in time.
    """
    paths = [part for folder in folders for part in ("-p", str(folder))]
    command = [find_componentize_py(), "-q", "-d", str(wit), "-w", world, "componentize", *paths, module, "-o", str(output)]
    # What it leaves when it is killed goes with the working folder.
    environment = {"TMPDIR": str(scratch), "VIRTUAL_ENV": "", "PYTHONPATH": ""}
    # Without the last two, the packages of whatever Python is on PATH would be inside, and every machine would build another component.
    return await run(command, cwd=scratch, timeout=BUILD_TIMEOUT, environment=environment)
