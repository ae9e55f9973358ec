"""Reads passwords of users from a prompt or a file, or generates them. Never from the command line, which others can see."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.client.errors import KeyFileUnusable, PasswordNotGiven
from holdfast.records.passwords import MAX_PASSWORD_LENGTH, new_password

AccountPasswordFile = Annotated[
    Path | None,
    Parameter(
        "--password-file",
        help="File whose first line is the password. Default: a prompt at a terminal, or a generated password that is shown once.",
        show_default=False,
    ),
]


def account_password(password_file: Path | None) -> tuple[str, bool]:
    """The password, and whether it was generated. Raises KeyFileUnusable for the file, PasswordNotGiven when the two typed ones differ."""
    if password_file is not None:
        return _first_line(password_file), False
    if not sys.stdin.isatty():
        return new_password(), True
    typed = getpass.getpass("Password (empty to generate one): ")
    if not typed:
        return new_password(), True
    if getpass.getpass("Repeat the password: ") != typed:
        raise PasswordNotGiven("The two passwords differ.", hint="Run the command again.")
    return typed, False


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(4 * MAX_PASSWORD_LENGTH).decode().split("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        raise KeyFileUnusable(f"{path} is not UTF-8 text.", hint="Name a text file whose first line is the password.") from None
    except OSError as error:
        raise KeyFileUnusable(
            f"Cannot read {path}: {error.strerror or type(error).__name__}.", hint="Check the path and its permissions."
        ) from None
