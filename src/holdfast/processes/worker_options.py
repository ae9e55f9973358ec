"""What a worker process is started with, and what it reports: both sides of the protocol between a parent and its workers.

parent                                                worker
listening socket ──────────────── --fd ─────────────▶ serves on it
listening Unix socket, if any ─── --unix-fd ────────▶ serves on it too
parent pipe (the worker reads) ── --parent-pipe ────▶ stops at its end
report pipe (the worker writes) ─ --report-pipe ────▶ "ready", or one line with the reason why it cannot start
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from holdfast.errors import HoldfastError

READY = "ready"
"""The line that a worker writes to its report pipe when it accepts calls; any other line says why it cannot start."""


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """The options of a process that serves: descriptors it inherited, its index among the workers, and how long a stop may take (s)."""

    fd: int | None = None
    unix_fd: int | None = None
    parent_pipe: int | None = None
    report_pipe: int | None = None
    worker: int = 0
    stop_seconds: int

    def command(self, module: str) -> list[str]:
        """The command line that runs a module with these options."""
        values = {
            "--fd": self.fd,
            "--unix-fd": self.unix_fd,
            "--parent-pipe": self.parent_pipe,
            "--report-pipe": self.report_pipe,
            "--worker": self.worker,
            "--stop-seconds": self.stop_seconds,
        }
        options = (word for option, value in values.items() if value is not None for word in (option, str(value)))
        return [sys.executable, "-m", module, *options]

    def inherited_socket(self) -> socket.socket | None:
        """The listening socket that the parent passed, or None."""
        return None if self.fd is None else socket.socket(fileno=self.fd)

    def inherited_unix_socket(self) -> socket.socket | None:
        """The listening Unix socket that the parent passed, or None."""
        return None if self.unix_fd is None else socket.socket(fileno=self.unix_fd)

    def report(self, line: str) -> None:
        """Writes one line for the parent, if there is one that reads."""
        if self.report_pipe is not None:
            with suppress(OSError):
                os.write(self.report_pipe, f"{' '.join(line.split())}\n".encode())


def parse_options(arguments: Sequence[str] | None, *, module: str, description: str, stop_seconds: int) -> WorkerOptions:
    """The options of a command line (None: this process's). `stop_seconds` is the default. An unknown option ends the process."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--fd", type=int, help="descriptor of an inherited listening socket")
    parser.add_argument("--unix-fd", type=int, help="descriptor of an inherited listening Unix socket")
    parser.add_argument("--parent-pipe", type=int, help="descriptor to read from; the process stops when it reaches its end")
    parser.add_argument("--report-pipe", type=int, help="descriptor to write to: that calls are accepted, or why the process cannot start")
    parser.add_argument("--worker", type=int, default=0, help="the index of this process among the workers")
    parser.add_argument("--stop-seconds", type=int, default=stop_seconds, help="how long running calls may take after a stop")
    return WorkerOptions(**vars(parser.parse_args(arguments)))


def run_reporting(options: WorkerOptions, run: Callable[[Callable[[], None]], None], *, service: str) -> int:
    """Calls `run` with a function that reports readiness; reports, and writes to stderr, the error that it raises.

    Returns the exit code: 0 after a graceful stop, 1 when the service could not start.
    """
    try:
        run(lambda: options.report(READY))
    except HoldfastError as error:
        reason = str(error)
    except (OSError, ValueError) as error:
        reason = f"{service} cannot start: {error}."
    else:
        return 0
    sys.stderr.write(f"{reason}\n")
    options.report(reason)
    return 1
