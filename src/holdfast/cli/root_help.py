"""The page of `holdfast --help`, printed without cyclopts and rich, whose imports take longer than everything else.

A test compares it with the page that cyclopts prints for the same command tree.
"""

from __future__ import annotations

import os
import sys

from holdfast.cli.command_table import COMMANDS
from holdfast.cli.terminal.help.layout import MAX_WIDTH, page, paragraphs, section

PROGRAM = "holdfast"
DESCRIPTION = "Build, install, run and show Alga extensions."
HELP_FLAGS = ("--help", "-h")
FLAGS = (("--help, -h", "Display this message and exit."), ("--version", "Display application version."))
"""Cyclopts adds these options, with these texts."""

_DEFAULT_WIDTH = 80


def root_help(width: int) -> str:
    """The help page of the command tree for lines of at most `width` characters."""
    width = min(width, MAX_WIDTH)
    return page(
        f"Usage: {PROGRAM} COMMAND",
        paragraphs(DESCRIPTION, width),
        section("Commands", [(name, command.summary) for name, command in COMMANDS.items()], width),
        section("Options", FLAGS, width),
    )


def terminal_width() -> int:
    """The columns of the terminal on stdout; COLUMNS overrides them, and 80 is used where there is no terminal."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else _DEFAULT_WIDTH
    except (OSError, ValueError):
        return _DEFAULT_WIDTH
