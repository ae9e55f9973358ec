"""Values of secrets, as `holdfast secrets set` takes them: typed, from stdin or from a file, and never from the command line."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from holdfast.errors import HoldfastError
from holdfast.registry.secrets.administration import VALUE_MAX_BYTES, check_values

STDIN = "-"


class SecretNotGiven(HoldfastError):
    """Raised when the value of a secret is not given, or not in a way in which it stays one. Never quotes what was given."""

    code = "secret_not_given"
    status = 400


def read_values(names: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    """The secrets to set. Each of `names` is `NAME`, which is asked for, or `NAME=-`, which is stdin; each of `files` is `NAME=FILE`.

    A line end at the end of stdin is not part of the value; a file is taken as it is. Raises SecretNotGiven, SecretsRefused.
    """
    asked, from_stdin = list[str](), list[str]()
    for written in names:
        name, equals, value = written.partition("=")
        if equals and value != STDIN:
            raise SecretNotGiven(
                "The value of a secret is not taken from the command line, where the shell's history keeps it and others can see it.",
                hint="Write only its name to be asked for it, NAME=- to send it to stdin, or --from-file NAME=FILE.",
            )
        (from_stdin if equals else asked).append(name)
    paths = [_named_file(written) for written in files]
    every = [*asked, *from_stdin, *(name for name, _ in paths)]
    if not every:
        raise SecretNotGiven("No secret is named.", hint="Write its name after the extension's.")
    if len(set(every)) != len(every) or len(from_stdin) > 1:
        raise SecretNotGiven("A secret is named twice, or stdin is.", hint="Name each once, and NAME=- for one of them.")
    check_values(dict.fromkeys(every, ""))
    values = {name: _read_file(name, path) for name, path in paths}
    values |= {name: _read_stdin(name) for name in from_stdin}
    values |= {name: _ask(name) for name in asked}
    for name, value in values.items():
        if not value:
            raise SecretNotGiven(f"The value of {name} is empty.", hint="`holdfast secrets remove` takes a secret away.")
    return check_values(values)


def _named_file(written: str) -> tuple[str, Path]:
    name, equals, path = written.partition("=")
    if not equals or not path:
        raise SecretNotGiven("--from-file names no secret and file.", hint="Write --from-file NAME=FILE.")
    return name, Path(path)


def _read_file(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _text(name, file.read(VALUE_MAX_BYTES + 1))
    except OSError as error:
        raise SecretNotGiven(
            f"{path} cannot be read: {error.strerror or type(error).__name__}.", hint="Name a file that is there."
        ) from None


def _read_stdin(name: str) -> str:
    text = _text(name, sys.stdin.buffer.read(VALUE_MAX_BYTES + 2))
    return text.removesuffix("\n").removesuffix("\r")


def _ask(name: str) -> str:
    if not sys.stdin.isatty():
        raise SecretNotGiven(
            f"The value of {name} is needed, and there is no terminal to ask for it.",
            hint=f"Write {name}=- and send it to stdin, or --from-file {name}=FILE.",
        )
    return getpass.getpass(f"Value of {name}: ")


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SecretNotGiven(f"The value of {name} is not text in UTF-8.", hint="Encode bytes in base64 first.") from None
