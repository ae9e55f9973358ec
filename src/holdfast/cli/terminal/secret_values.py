"""Reads values of secrets for `holdfast secrets set` from a prompt, stdin or a file, never from the command line."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from holdfast.errors import HoldfastError
from holdfast.registry.secrets.values import VALUE_MAX_BYTES, check_values

STDIN = "-"


class SecretNotGiven(HoldfastError):
    """Raised when the value of a secret is missing, or given in a way that others can see. The message never quotes the value."""

    code = "secret_not_given"
    status = 400


def read_values(names: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    """The secrets to set. Each of `names` is `NAME`, which prompts, or `NAME=-`, which reads stdin; each of `files` is `NAME=FILE`.

    A line end at the end of stdin is not part of the value; a file is read unchanged. Raises SecretNotGiven, RegistryError
    (`secrets_refused`).
    """
    prompted, from_stdin = list[str](), list[str]()
    for written in names:
        name, equals, value = written.partition("=")
        if equals and value != STDIN:
            raise SecretNotGiven(
                "The value of a secret is not accepted on the command line: others can see it, and the shell stores it in its history.",
                hint="Write only NAME for a prompt, NAME=- to read it from stdin, or --from-file NAME=FILE.",
            )
        (from_stdin if equals else prompted).append(name)
    paths = [_named_file(written) for written in files]
    every = [*prompted, *from_stdin, *(name for name, _ in paths)]
    if not every:
        raise SecretNotGiven("No secret given.", hint="Add its name after the extension's name.")
    if len(set(every)) != len(every) or len(from_stdin) > 1:
        raise SecretNotGiven("A secret or stdin is given twice.", hint="Name each secret once, and use NAME=- for only one of them.")
    check_values(dict.fromkeys(every, ""))
    values = {name: _read_file(name, path) for name, path in paths}
    values |= {name: _read_stdin(name) for name in from_stdin}
    values |= {name: _prompt(name) for name in prompted}
    for name, value in values.items():
        if not value:
            raise SecretNotGiven(f"The value of {name} is empty.", hint="Use `holdfast secrets remove` to remove a secret.")
    return check_values(values)


def _named_file(written: str) -> tuple[str, Path]:
    name, equals, path = written.partition("=")
    if not equals or not path:
        raise SecretNotGiven("The value of --from-file is not NAME=FILE.", hint="Write --from-file NAME=FILE.")
    return name, Path(path)


def _read_file(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _text(name, file.read(VALUE_MAX_BYTES + 1))
    except OSError as error:
        raise SecretNotGiven(
            f"Cannot read {path}: {error.strerror or type(error).__name__}.", hint="Check the path and its permissions."
        ) from None


def _read_stdin(name: str) -> str:
    text = _text(name, sys.stdin.buffer.read(VALUE_MAX_BYTES + 2))
    return text.removesuffix("\n").removesuffix("\r")


def _prompt(name: str) -> str:
    if not sys.stdin.isatty():
        raise SecretNotGiven(
            f"The value of {name} is needed, and stdin is not a terminal where you could type it.",
            hint=f"Write {name}=- to read it from stdin, or pass --from-file {name}=FILE.",
        )
    return getpass.getpass(f"Value of {name}: ")


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SecretNotGiven(f"The value of {name} is not UTF-8 text.", hint="Encode binary data in base64 first.") from None
