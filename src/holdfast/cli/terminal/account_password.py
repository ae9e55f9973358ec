"""Passwords of users, as the commands take them: typed, from a file, or made up. Never from the command line, which others can see."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.key_files import KeyFileUnusable, PasswordNotGiven
from holdfast.records.administration import new_password
from holdfast.records.passwords import MAX_PASSWORD_LENGTH

AccountPasswordFile = Annotated[
    Path | None,
    Parameter(
        "--password-file",
        help="File whose first line is the password; else it is asked for at a terminal, else one is made up and shown once.",
        show_default=False,
    ),
]


def account_password(password_file: Path | None) -> tuple[str, bool]:
    """The password, and whether it was made up. Raises KeyFileUnusable for the file, PasswordNotGiven when two typed ones differ."""
    if password_file is not None:
        return _first_line(password_file), False
    if not sys.stdin.isatty():
        return new_password(), True
    typed = getpass.getpass("Password (nothing: one is made up): ")
    if not typed:
        return new_password(), True
    if getpass.getpass("The same again: ") != typed:
        raise PasswordNotGiven("The two passwords differ.", hint="Run the command again.")
    return typed, False


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(4 * MAX_PASSWORD_LENGTH).decode().split("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        raise KeyFileUnusable(f"{path} is not text in UTF-8.") from None
    except OSError as error:
        raise KeyFileUnusable(
            f"{path} cannot be read: {error.strerror or type(error).__name__}.", hint="Name a file that is there."
        ) from None
