"""Checks the types of a project's TypeScript: with its own tsconfig.json, and with the SDK's types."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.javascript import sdk_aliases
from holdfast.author.project import Project
from holdfast.author.toolchain import Toolchain
from holdfast.author.tools.process import run

TIMEOUT = 120.0
_DIAGNOSTIC = re.compile(r"^(?P<file>[^\s(][^(]*)\((?P<line>\d+),(?P<column>\d+)\): error (?P<text>TS\d+: .*)$")


def _write_config(project: Path, path: Path, shown: str) -> bool:
    """Writes the configuration of the check. `shown` is the output of `tsc --showConfig`. Returns False when the project has no files."""
    try:
        files = json.loads(shown).get("files", [])
    except ValueError:
        files = ["tsconfig.json"]  # tsc cannot read it; the check itself reports that better
    settings = {
        "extends": str(project / "tsconfig.json"),
        "files": [str(project / name) for name in files],
        "include": [],
        "compilerOptions": {
            "noEmit": True,
            "composite": False,
            "incremental": False,
            "declaration": False,
            # The SDK's sources are outside the project.
            "rootDir": "/",
            "skipLibCheck": True,
            "allowImportingTsExtensions": True,
            "paths": {name: [source] for name, source in sdk_aliases(project).items()},
        },
    }
    path.write_text(json.dumps(settings))
    return bool(files)


def _problems(project: Path, output: str, base: Path) -> list[Problem]:
    """The errors in the project's own files. A line that begins with a blank continues the one above."""
    found: list[Problem] = []
    own = False
    for line in output.splitlines():
        match = _DIAGNOSTIC.match(line)
        if match is not None:
            path = (base / match["file"]).resolve()
            own = path.is_relative_to(project) and "node_modules" not in path.parts
            if own:
                place = path.relative_to(project).as_posix()
                found.append(Problem(match["text"], place, int(match["line"]), int(match["column"])))
        elif line.startswith("error "):
            own = True
            found.append(Problem(line.removeprefix("error "), "tsconfig.json"))
        elif own and found and line.startswith(" "):
            last = found[-1]
            found[-1] = Problem(f"{last.text}\n{line}", last.file, last.line, last.column)
    return found


async def check_types(project: Project, toolchain: Toolchain) -> tuple[Problem, ...]:
    """Every type error in the own files of a project that has a tsconfig.json. Raises BuildToolError."""
    root = project.root
    if not (root / "tsconfig.json").is_file():
        return ()
    with tempfile.TemporaryDirectory(prefix="holdfast-types-") as scratch:
        config = Path(scratch, "tsconfig.json")
        tsc = [toolchain.node, str(toolchain.tsc)]
        shown = await run([*tsc, "--showConfig", "-p", str(root)], cwd=root, timeout=TIMEOUT)
        if not _write_config(root, config, shown.stdout):
            return ()
        done = await run([*tsc, "-p", str(config), "--pretty", "false"], cwd=root, timeout=TIMEOUT)
    problems = _problems(root, done.stdout, root)
    return tuple(problems) if done.status != 0 else ()


def types_failed(problems: tuple[Problem, ...]) -> BuildFailed:
    """The error of a strict build with type errors."""
    return BuildFailed(
        "The type check failed.",
        problems=list(problems),
        hint="Correct the types, or build without --strict: types are then checked and reported, and the build goes on.",
    )
