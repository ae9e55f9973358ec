"""Checks the types of a project's TypeScript: with its own tsconfig.json, and with the SDK's types.

build starts ──▶ check runs at the same time ──▶ problems known ──▶ recorded
                     └── the next build starts, or the session ends ──▶ killed
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.sdk_aliases import sdk_aliases
from holdfast.author.tools.process import run
from holdfast.author.tools.toolchain import Toolchain

TIMEOUT = 120.0
FOLDER = "dist/.holdfast-types"
_DIAGNOSTIC = re.compile(r"^(?P<file>[^\s(][^(]*)\((?P<line>\d+),(?P<column>\d+)\): error (?P<text>TS\d+: .*)$")


_REMOVED = {
    "moduleResolution": ({"node", "node10", "classic"}, "bundler"),
    "module": ({"commonjs", "amd", "umd", "system", "none", "es6", "es2015"}, "esnext"),
    "target": ({"es3", "es5"}, "es2015"),
}
"""Values that the type checker no longer supports, or that the bundler does not follow, and what stands for them."""

_OBSOLETE = ("baseUrl", "downlevelIteration", "outFile", "importsNotUsedAsValues", "preserveValueImports", "charset", "noImplicitUseStrict")


def _paths(project: Path, options: dict[str, Any]) -> dict[str, list[str]]:
    """The names of the SDK, and the project's own `paths` and `baseUrl`, as absolute paths."""
    base = project / str(options.get("baseUrl") or ".")
    own = options.get("paths")
    found = {name: [source] for name, source in sdk_aliases(project).items()}
    if isinstance(own, dict):
        found |= {name: [str(base / target) for target in targets] for name, targets in own.items()}
    if options.get("baseUrl"):
        found.setdefault("*", [str(base / "*")])
    return found


def _configuration(project: Path, shown: str) -> dict[str, Any] | None:
    """The configuration of the check. `shown` is the output of `tsc --showConfig`. None when the project has no files."""
    try:
        resolved = json.loads(shown)
    except ValueError:
        resolved = {"files": ["tsconfig.json"]}  # tsc cannot read it; the check itself reports that better
    if not resolved.get("files"):
        return None
    options = resolved.get("compilerOptions", {})
    renamed = {name: new for name, (old, new) in _REMOVED.items() if str(options.get(name, "")).lower() in old}
    return {
        "extends": str(project / "tsconfig.json"),
        "files": [str(project / name) for name in resolved["files"]],
        "include": [],
        "compilerOptions": {
            **{name: None for name in _OBSOLETE if name in options},
            **renamed,
            "noEmit": True,
            "composite": False,
            "incremental": True,
            "tsBuildInfoFile": "./types.tsbuildinfo",
            "declaration": False,
            # The SDK's sources are outside the project.
            "rootDir": "/",
            "skipLibCheck": True,
            "allowImportingTsExtensions": True,
            "paths": _paths(project, options),
        },
    }


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


async def check_types(root: Path, toolchain: Toolchain) -> tuple[Problem, ...]:
    """Every type error in the own files of the project in `root`; nothing without a tsconfig.json. Raises BuildToolError."""
    if not (root / "tsconfig.json").is_file():
        return ()
    tsc = [toolchain.node, str(toolchain.tsc)]
    shown = await run([*tsc, "--showConfig", "-p", str(root)], cwd=root, timeout=TIMEOUT)
    settings = _configuration(root, shown.stdout)
    if settings is None:
        return ()
    # In the project, because types of packages are looked up from there. What the checker learned stays for the next time.
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tsconfig.json").write_text(json.dumps(settings))
    done = await run([*tsc, "-p", str(folder), "--pretty", "false"], cwd=root, timeout=TIMEOUT)
    return tuple(_problems(root, done.stdout, root)) if done.status != 0 else ()


class TypeCheck:
    """The type check of the last build, which runs at the same time."""

    def __init__(self, root: Path, toolchain: Toolchain) -> None:
        self._root = root
        self._toolchain = toolchain
        self._task: asyncio.Task[tuple[Problem, ...]] | None = None

    @property
    def known(self) -> tuple[Problem, ...] | None:
        """What the check has found; None while it runs, or if it could not be done."""
        task = self._task
        return task.result() if task is not None and task.done() and not task.cancelled() and task.exception() is None else None

    def start(self, when_done: Callable[[tuple[Problem, ...]], None]) -> None:
        """Starts the check; `when_done` gets what it found, in the event loop."""
        self._task = asyncio.ensure_future(self._run(when_done))

    async def _run(self, when_done: Callable[[tuple[Problem, ...]], None]) -> tuple[Problem, ...]:
        problems = await check_types(self._root, self._toolchain)
        when_done(problems)
        return problems

    async def problems(self) -> tuple[Problem, ...]:
        """What the check found; waits for it. Nothing if no check was started. Raises BuildToolError."""
        return () if self._task is None else await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Ends the check."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def types_failed(project: Path, problems: tuple[Problem, ...]) -> BuildFailed:
    """The error of a strict build with type errors."""
    return BuildFailed(
        "The type check failed.",
        problems=list(problems),
        project=project,
        hint="Correct the types, or build without --strict: types are then checked and reported, and the build goes on.",
    )
