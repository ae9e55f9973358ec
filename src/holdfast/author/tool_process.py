"""Runs one tool to its end: no shell, a time limit, and nothing left running when the caller is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from msgspec import Struct

from holdfast.author.errors import ToolTimeout
from holdfast.settings import secret_variables


class ToolResult(Struct, frozen=True):
    """What a tool left: its exit status and its two streams as text (UTF-8, what is malformed replaced)."""

    status: int
    stdout: str
    stderr: str

    def last_lines(self, count: int = 15) -> str:
        """The end of what the tool said, standard error first choice."""
        said = self.stderr.strip() or self.stdout.strip()
        return "\n".join(said.splitlines()[-count:])


@contextmanager
def _input(content: bytes) -> Iterator[int | IO[bytes]]:
    """What a tool reads: a file, because a tool that ends before it has read a pipe breaks whoever writes to it."""
    if not content:
        yield asyncio.subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Tools run code of packages and of the extension's author."""
    secret = secret_variables()
    return {name: value for name, value in environment.items() if name not in secret}


async def _end(process: asyncio.subprocess.Process) -> None:
    """Tools start children of their own, so the whole group goes; it was made for this tool alone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    timeout: float,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> ToolResult:
    """Runs `command` in `cwd` with `stdin` (bytes) and the given variables beside the process's own, less those with secrets of Holdfast.

    Raises ToolTimeout after `timeout` seconds, FileNotFoundError when there is no such program. When it raises, also because of
    cancellation, the tool and its children have been killed.
    """
    with _input(stdin) as source:
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *map(str, command),
                cwd=cwd,
                env={**_without_secrets(os.environ), **(environment or {})},
                stdin=source,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Cancelled while starting, asyncio would kill the tool alone, and its children would live on.
            await _end(await starting)
            raise
    try:
        async with asyncio.timeout(timeout):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        raise ToolTimeout(f"{Path(command[0]).name} did not finish within {timeout:.0f} seconds and was stopped.") from None
    finally:
        if process.returncode is None:
            await asyncio.shield(_end(process))
    status = process.returncode
    return ToolResult(-1 if status is None else status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))
