"""The command `alga`: its own commands in the words of the published tool, and every command of `holdfast`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import NoReturn

from holdfast.cli import main as holdfast
from holdfast.cli.alga.help import HELP
from holdfast.cli.command_table import ALIASES, COMMANDS
from holdfast.errors import HoldfastError

HELP_FLAGS = ("--help", "-h")
JSON = "--json"
"""With it, a command is the one of `holdfast`: the published tool prints no JSON, so a script that asks for it knows ours."""

Command = Callable[[Sequence[str]], int]


def run(tokens: Sequence[str]) -> int:
    """Runs one command line (without the program's name) and returns its exit code: 0 done, 1 failed or not understood."""
    if not tokens or tokens[0] in HELP_FLAGS:
        sys.stdout.write(HELP)
        return 0
    is_of_holdfast = tokens[0] in COMMANDS or tokens[0] in ALIASES or tokens[0] == "--version"
    found = None if is_of_holdfast and JSON in tokens and [*tokens[:2]] != ["dev", "component"] else _find(tokens)
    if found is None:
        if is_of_holdfast:
            return holdfast.run(tokens)
        sys.stderr.write("Unknown command\n")
        sys.stdout.write(HELP)
        return 1
    if any(token in HELP_FLAGS for token in tokens):
        sys.stdout.write(HELP)
        return 0
    command, rest = found
    return _run(command, rest)


def _find(tokens: Sequence[str]) -> tuple[Command, Sequence[str]] | None:
    """The command and what follows it; None for commands that are not in the words of the published tool.

    Each command imports what it needs when it is chosen.
    """
    match [*tokens]:
        case ["create", ("extension" | "component") as kind, *rest]:
            return _creating(kind), rest
        case ["component", "create", *rest]:
            return _creating("component"), rest
        case ["component", "dev", *rest] | ["dev", "component", *rest]:
            from holdfast.cli.alga.delegated import dev

            return dev, rest
        case ["build", *rest]:
            from holdfast.cli.alga.build import build

            return _async(build), rest
        case ["pack", *rest]:
            from holdfast.cli.alga.build import pack

            return _async(pack), rest
        case ["sign", *rest]:
            from holdfast.cli.alga.delegated import sign

            return sign, rest
        case ["extension", ("publish" | "install" | "uninstall") as action, *rest]:
            from holdfast.cli.alga import extension

            actions = {"publish": extension.publish, "install": extension.install, "uninstall": extension.uninstall}
            return _async(actions[action]), rest
    return None


def _async(command: Callable[[Sequence[str]], Coroutine[None, None, int]]) -> Command:
    return lambda tokens: asyncio.run(command(tokens))


def _creating(kind: str) -> Command:
    from holdfast.cli.alga.create import create

    return lambda tokens: asyncio.run(create(kind, tokens))


def _run(command: Command, tokens: Sequence[str]) -> int:
    from holdfast.cli.alga.arguments import AlgaError
    from holdfast.cli.terminal.printing import note

    try:
        holdfast.require_supported_system()
        return command(tokens)
    except KeyboardInterrupt:
        return holdfast.EXIT_INTERRUPTED
    except AlgaError as error:
        note(str(error) if error.message.startswith("Error:") else f"CLI error: {error}")
    except HoldfastError as error:
        note(f"CLI error: {error}")
    except Exception as error:
        if os.environ.get("HOLDFAST_DEBUG") == "1":
            raise
        note(f"CLI error: {holdfast.Unexpected(error)}")
    return holdfast.EXIT_FAILED


def main() -> NoReturn:
    """The entry point of `alga`."""
    sys.exit(run(sys.argv[1:]))
