"""The command `holdfast` (also `alga`): finds the command, runs it, and turns every failure into sentences and an exit code."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import uvloop
from cyclopts import App, CycloptsError

import holdfast
from holdfast.cli.terminal.printing import print_error, print_json
from holdfast.errors import HoldfastError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


COMMANDS = {
    "up": "holdfast.cli.commands.up:up",
    "runner": "holdfast.cli.commands.runner:runner",
    "build": "holdfast.cli.commands.build:build",
    "pack": "holdfast.cli.commands.pack:pack",
    "keys": "holdfast.cli.commands.keys:keys",
    "sign": "holdfast.cli.commands.sign:sign",
    "verify": "holdfast.cli.commands.verify:verify",
    "publish": "holdfast.cli.commands.publish:publish",
    "install": "holdfast.cli.commands.install:install",
    "upgrade": "holdfast.cli.commands.upgrade:upgrade",
    "rollback": "holdfast.cli.commands.upgrade:rollback",
    "uninstall": "holdfast.cli.commands.uninstall:uninstall",
    "enable": "holdfast.cli.commands.enable:enable",
    "disable": "holdfast.cli.commands.enable:disable",
    "list": "holdfast.cli.commands.list_installs:list_installs",
    "show": "holdfast.cli.commands.show:show",
    "versions": "holdfast.cli.commands.versions:versions",
    "yank": "holdfast.cli.commands.versions:yank",
    "grants": "holdfast.cli.commands.grants:grants",
    "config": "holdfast.cli.commands.config:config",
    "extension": "holdfast.cli.commands.extension:extension",
    "secrets": "holdfast.cli.commands.secrets:secrets",
    "invoke": "holdfast.cli.commands.invoke:invoke",
    "tenants": "holdfast.cli.commands.tenants:tenants",
    "users": "holdfast.cli.commands.users:users",
    "migrate": "holdfast.cli.commands.migrate:migrate",
}


def create_app(*, whole: bool) -> App:
    """The command tree. Commands are named by path, so that one does not pay for the imports of the others; `whole` imports them all,
    which the list of commands needs for their descriptions."""
    app = App(
        name="holdfast",
        help="Builds, installs, runs and shows Alga extensions.",
        version=holdfast.__version__,
        version_flags=["--version"],
        help_format="markdown",
    )
    for name, path in COMMANDS.items():
        module, _, function = path.partition(":")
        app.command(getattr(import_module(module), function) if whole else path, name=name)
    return app


def run(tokens: Sequence[str]) -> int:
    """Runs one command line (without the program's name) and gives its exit code: 0 done, 1 refused or failed, 2 not understood."""
    app = create_app(whole=not tokens or tokens[0] in {"--help", "-h"})
    try:
        command, bound, _ = app.parse_args(tokens, exit_on_error=False)
    except CycloptsError:
        return EXIT_USAGE
    as_json = bool(bound.arguments.get("json", False))
    try:
        outcome = command(*bound.args, **bound.kwargs)
        if inspect.iscoroutine(outcome):
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                outcome = runner.run(outcome)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except HoldfastError as error:
        return _failed(error, as_json=as_json)
    except BrokenPipeError:
        # The reader of our output went away (`holdfast list | head -1`); nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        return _failed(Unexpected(error), as_json=as_json)
    return outcome if isinstance(outcome, int) else 0


class Unexpected(HoldfastError):
    """A failure nobody foresaw: a defect of Holdfast."""

    code = "unexpected"

    def __init__(self, cause: Exception) -> None:
        said = str(cause).strip().splitlines()
        super().__init__(
            f"Something unexpected went wrong: {type(cause).__name__}{': ' + said[0] if said else ''}.",
            hint="Please report this. HOLDFAST_DEBUG=1 shows the traceback.",
        )
        self.cause = cause


def _failed(error: HoldfastError, *, as_json: bool) -> int:
    cause = error.cause if isinstance(error, Unexpected) else error
    # Read from the environment itself: the failure may be that the settings cannot be read.
    if os.environ.get("HOLDFAST_DEBUG") == "1":
        traceback.print_exception(cause, file=sys.stderr)
    print_error(error)
    if as_json:
        print_json(error.to_json())
    return EXIT_FAILED


def main() -> NoReturn:
    """The entry point of `holdfast` and `alga`."""
    sys.exit(run(sys.argv[1:]))
