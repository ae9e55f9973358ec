"""Builds a component from a handler written in Python, with componentize-py."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from holdfast.author import resources
from holdfast.author.errors import BuildFailed, BuildToolError, Problem
from holdfast.author.project import Project
from holdfast.author.staged_output import BuiltPart, StagedOutput
from holdfast.author.tools.process import run
from holdfast.world.functions import WORLD

BUILD_TIMEOUT = 180.0
GLUE = '''"""The component's export: passes each request to the author's `handler`."""

import wit_world

import handler as author
from holdfast_sdk.glue import find_handler, respond

author_handler = find_handler(author)


class WitWorld(wit_world.WitWorld):
    def handler(self, request):
        return respond(author_handler, request)
'''
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


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


def _problem(project: Path, output: str) -> Problem:
    """The error at the end of the tool's output, at the innermost line of the traceback that is in the project's own files."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"\w*(Error|Exception|Interrupt)\b", line)]
    text = errors[-1] if errors else "\n".join(lines[-8:])
    # From the innermost frame outwards; frames in the SDK or in the interpreter do not help the author.
    for match in reversed(list(_FRAME.finditer(output))):
        name = Path(match["file"]).name
        local = next((path for path in (project / "src").rglob(name) if path.is_file()), None)
        if local is not None and name.endswith(".py"):
            return Problem(text, local.relative_to(project).as_posix(), int(match["line"]))
    return Problem(text, "src/handler.py")


def _inputs(*folders: Path) -> frozenset[Path]:
    return frozenset(path for folder in folders for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


async def build_component(project: Project, handler: Path) -> BuiltPart:
    """Builds `dist/main.wasm` from `src/handler.py` and what it imports from `src/` and `vendor/`.

    Raises BuildFailed, BuildToolError.
    """
    program = find_componentize_py()
    project.component.parent.mkdir(exist_ok=True)
    staged = StagedOutput(project.component.with_name(f".main.{os.getpid()}.wasm"), project.component)
    with tempfile.TemporaryDirectory(prefix="holdfast-build-") as scratch:
        glue = Path(scratch) / "glue"
        glue.mkdir()
        (glue / "holdfast_component.py").write_text(GLUE)
        # The order of the search path: the author's modules come before the SDK's and vendored ones.
        folders = [glue, handler.parent, resources.sdk_folder("python")]
        vendored = project.root / "vendor"
        if vendored.is_dir():
            folders.append(vendored)
        paths = [part for folder in folders for part in ("-p", str(folder))]
        wit = ["-d", str(resources.WORLD_WIT), "-w", WORLD]
        command = [program, "-q", *wit, "componentize", *paths, "holdfast_component", "-o", str(staged.path)]
        try:
            done = await run(command, cwd=Path(scratch), timeout=BUILD_TIMEOUT, environment={"VIRTUAL_ENV": "", "PYTHONPATH": ""})
            if done.status != 0:
                problem = _problem(project.root, f"{done.stdout}\n{done.stderr}")
                raise BuildFailed("src/handler.py cannot be built.", problems=[problem], hint=_hint(problem))
        except BaseException:
            staged.discard()
            raise
    return BuiltPart((staged,), _inputs(handler.parent, vendored))


def _hint(problem: Problem) -> str | None:
    if "ModuleNotFoundError" in problem.text or "ImportError" in problem.text:
        return (
            "Install pure-Python packages into vendor/ (`pip install --target vendor NAME`). "
            "Packages with compiled parts do not run in a component."
        )
    return None
