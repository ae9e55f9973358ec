"""The command `holdfast`: finds the command, runs it, and turns every failure into a message and an exit code.

Only what every start needs is imported at the top: `holdfast --help` and a command that fails to parse pay for nothing else.
"""

from __future__ import annotations

import gc
import inspect
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import holdfast
from holdfast.cli.command_table import ALIASES, COMMANDS
from holdfast.cli.root_help import DESCRIPTION, HELP_FLAGS, PROGRAM, root_help, terminal_width
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from cyclopts import App

_RUNNER, _DEV = "runner", "dev"

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


SUPPORTED_SYSTEMS = ("linux", "darwin")
"""Values of sys.platform. Holdfast needs POSIX: file locks, inherited sockets, signals, and uvloop, which also needs it."""


class SystemUnsupported(HoldfastError):
    """Raised when Holdfast starts on a system that it does not support."""

    code = "system_unsupported"


def require_supported_system() -> None:
    """Raises SystemUnsupported on a system other than Linux and macOS."""
    if not sys.platform.startswith(SUPPORTED_SYSTEMS):
        raise SystemUnsupported(
            f"Holdfast does not run on this system ({sys.platform}).",
            hint="It runs on Linux and macOS. On Windows, use the Windows Subsystem for Linux (WSL).",
        )


def create_app() -> App:
    """The command tree. Each command is named by its path, so that a command does not pay for the imports of the others."""
    from cyclopts import App, Group

    from holdfast.cli.terminal.help.formatter import PlainHelp

    app = App(
        name=PROGRAM,
        help=DESCRIPTION,
        version=holdfast.__version__,
        version_flags=["--version"],
        help_format="plaintext",
        help_formatter=PlainHelp(),
    )
    app["--help"].group = app["--version"].group = Group("Options", sort_key=1)
    for position, (name, command) in enumerate(COMMANDS.items()):
        app.command(command.path, name=name, sort_key=position)
    for alias, name in ALIASES.items():
        app.command(COMMANDS[name].path, name=alias, show=False)
    return app


def run(tokens: Sequence[str]) -> int:
    """Runs one command line (without the program's name) and returns its exit code: 0 done, 1 denied or failed, 2 not understood."""
    if not tokens or tokens[0] in HELP_FLAGS:
        sys.stdout.write(root_help(terminal_width()))
        return 0
    try:
        require_supported_system()
    except SystemUnsupported as error:
        return _failed(error, as_json="--json" in tokens)
    if tokens[0] not in (_RUNNER, _DEV):
        return _run(tokens)
    # Their start is nearly all imports, and what those create stays. They enable the collection again when they have started.
    from holdfast.processes.lean_imports import load_lean_libraries, load_lean_structlog

    gc.disable()
    try:
        if tokens[0] == _RUNNER:
            load_lean_libraries()
        else:
            load_lean_structlog()
        return _run(tokens)
    finally:
        gc.enable()


def _run(tokens: Sequence[str]) -> int:
    from cyclopts import CycloptsError

    try:
        command, bound, _ = create_app().parse_args(tokens, exit_on_error=False)
    except CycloptsError:
        return EXIT_USAGE
    as_json = bool(bound.arguments.get("json", False))
    try:
        outcome = _call(command, bound)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except HoldfastError as error:
        return _failed(error, as_json=as_json)
    except BrokenPipeError:
        # The reader of our output is gone (`holdfast list | head -1`), so nothing more can be written to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        return _failed(Unexpected(error), as_json=as_json)
    return outcome if isinstance(outcome, int) else 0


def _call(command: Any, bound: inspect.BoundArguments) -> Any:
    outcome = command(*bound.args, **bound.kwargs)
    if not inspect.iscoroutine(outcome):
        return outcome
    import asyncio

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(outcome)


class Unexpected(HoldfastError):
    """A failure that no code expected: a defect of Holdfast."""

    code = "unexpected"

    def __init__(self, cause: Exception) -> None:
        lines = str(cause).strip().splitlines()
        super().__init__(
            f"Something unexpected went wrong: {type(cause).__name__}{': ' + lines[0] if lines else ''}.",
            hint="Please report this. HOLDFAST_DEBUG=1 shows the traceback.",
        )
        self.cause = cause


def _failed(error: HoldfastError, *, as_json: bool) -> int:
    from holdfast.cli.terminal.printing import print_error, print_json

    cause = error.cause if isinstance(error, Unexpected) else error
    # Read from the environment itself: the failure may be that the settings cannot be read.
    if os.environ.get("HOLDFAST_DEBUG") == "1":
        import traceback

        traceback.print_exception(cause, file=sys.stderr)
    print_error(error)
    if as_json:
        print_json(error.to_json())
    return EXIT_FAILED


def main() -> NoReturn:
    """The entry point of `holdfast`."""
    sys.exit(run(sys.argv[1:]))
