"""Loads the code of a handler on the engine without a call, so that what fails at the top level of a module fails the build."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from holdfast.author.errors import BuildFailed, Problem
from holdfast.author.tools.toolchain import Progress, no_progress
from holdfast.bundles.store.hashing import hash_file

if TYPE_CHECKING:
    from holdfast.engine import Engine
    from holdfast.world.functions import Function
    from holdfast.world.types import ExecuteResponse

LOAD_ONLY = "(load)"
"""The method of a request that loads the code and calls no handler; both SDKs have the same."""
# Ends a loop at the top level. Large Python packages take seconds to import on a busy machine.
_TIMEOUT_MS = 30_000
_POSITION = re.compile(r"(?P<file>[^\s()]+):(?P<line>\d+)\)?$")
_SYNTAX_HINT = (
    "The engine does not have this syntax, of your code or of a package: StarlingMonkey has no set operations in regular expressions"
    " and no tables of Unicode properties whose names are computed."
    " Use QuickJS: remove `holdfast.engine` from package.json."
)
_HINT = "Code at the top level of a module runs when the extension is loaded, and cannot call the host: move it into the handler."


class _NoHost:
    """The host while modules load: there is no call yet that a host function could belong to."""

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        del args
        raise RuntimeError(f"{function.id} is called while the module loads")

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        pass


class LoadCheck:
    """An engine for loading code. Its compiled components are in `folder`. Belongs to one event loop; `close` frees it.

    `progress` gets a sentence before a component is compiled.
    """

    def __init__(self, folder: Path, progress: Progress = no_progress) -> None:
        self._folder = folder
        self._progress = progress
        self._engine: Engine | None = None

    async def load(self, component: Path, code: Path, project: Path) -> None:
        """Loads the code in the development component. Raises BuildFailed with the place in the sources of `project` where it throws."""
        response = await self.run(component, await asyncio.to_thread(code.read_text, "utf-8"))
        if response.status != 204:
            raise _failed(json.loads(response.body or b"{}").get("error", ""), project)

    async def run(self, component: Path, text: str) -> ExecuteResponse:
        """What the development component answers when it loads the code `text` and calls no handler. Raises BuildFailed when it ends."""
        # Imported here: only `holdfast dev` needs an engine, and every build imports this module.
        from holdfast.engine import Engine, Limits
        from holdfast.world.types import ContextData, ExecuteRequest, HttpRequest

        if self._engine is None:
            self._engine = Engine(self._folder, pool=False)
        sha256 = await asyncio.to_thread(hash_file, component)
        if not self._engine.is_compiled(sha256):
            self._progress("Compiling the development component for this machine (once)")
        loaded = await self._engine.load(component, sha256)
        request = ExecuteRequest(ContextData(None, "", "", None, None), HttpRequest(LOAD_ONLY, "/", [], None))
        outcome = await self._engine.execute(loaded.with_source(text), request, _NoHost(), Limits(timeout_ms=_TIMEOUT_MS))
        if outcome.failure is not None:
            raise BuildFailed(f"The handler cannot be loaded: {outcome.failure.message}", hint=_HINT)
        assert outcome.response is not None
        return outcome.response

    async def close(self) -> None:
        """Frees the engine."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()


def _failed(description: str, project: Path) -> BuildFailed:
    """The error for a description by the SDK: `name: message`, then the frames in the author's sources."""
    message, _, stack = description.partition("\n")
    match = next((found for line in stack.splitlines() if (found := _POSITION.search(line))), None)
    if match is None:
        # A syntax that the engine lacks has no position.
        hint = _SYNTAX_HINT if message.startswith("SyntaxError") else _HINT
        return BuildFailed("The handler cannot be loaded.", problems=[Problem(message)], hint=hint)
    file, line = match["file"], int(match["line"])
    problem = Problem(message, file, line, None, _source_line(project / file, line))
    return BuildFailed("The handler cannot be loaded.", problems=[problem], hint=_HINT, project=project)


def _source_line(path: Path, line: int) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()[line - 1]
    except (OSError, IndexError):
        return None
