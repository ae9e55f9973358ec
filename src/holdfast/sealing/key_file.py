"""The key file: one key per line, the newest first. It is replaced as a whole, under a lock, and readable only by its owner.

    lock FILE.lock ──> read FILE ──> write and fsync .FILE.*.partial ──> rename to FILE ──> fsync folder ──> unlock ──> seal with the key
                                                    │                          │
    killed here:                          FILE is unchanged;           FILE is new, or old after a power failure;
                                          a partial file stays         its writer has sealed nothing with the new key

Readers need no lock: they see all old lines or all new ones. A killed process loses its lock. FILE itself cannot be the lock, because each
write puts another file in its place: two writers would hold locks of different files.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from holdfast.sealing.errors import SecretsKeyUnusable

FILE_MAX_BYTES = 64 * 1024
_HEAD = """\
# Keys for the secrets of installed extensions: the first seals, all open.
# Without this file the secrets in the database cannot be read. Keep a copy of it, in another place than the copies of the database.
"""


def read_lines(path: Path) -> list[str]:
    """The lines with keys, at least one, without empty lines and comments (`#`). Raises SecretsKeyUnusable."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
        text = data.decode("ascii")
    except FileNotFoundError:
        raise SecretsKeyUnusable(
            f"The key for secrets is missing: {path} does not exist.",
            hint="Restore it, or set HOLDFAST_SECRETS_KEY or HOLDFAST_SECRETS_KEY_FILE; docs/guides/manage-secrets.md explains both.",
        ) from None
    except OSError as error:
        raise SecretsKeyUnusable(
            f"The keys for secrets in {path} cannot be read: {error.strerror or type(error).__name__}.",
            hint="Run as the file's owner, or fix its permissions.",
        ) from None
    except UnicodeDecodeError:
        raise SecretsKeyUnusable(f"{path} is not a key file.", hint="It has one key per line. Restore the original file.") from None
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if len(data) > FILE_MAX_BYTES or not keys:
        raise SecretsKeyUnusable(f"{path} is not a key file.", hint="It has one key per line. Restore the original file.")
    return keys


def create_key_file(path: Path, line: str) -> None:
    """Creates the file with this one key, unless another process has created it meanwhile. Raises SecretsKeyUnusable."""
    with _writing(path):
        if not path.exists():
            _replace(path, [line])


def prepend_line(path: Path, line: str) -> None:
    """Adds a key before the others. Raises SecretsKeyUnusable."""
    with _writing(path):
        _replace(path, [line, *read_lines(path)])


def retain_lines(path: Path, wanted: Callable[[str], bool]) -> None:
    """Removes the keys that are not wanted. Raises SecretsKeyUnusable."""
    with _writing(path):
        _replace(path, [line for line in read_lines(path) if wanted(line)])


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Holds the lock of the key file: one writer at a time."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SecretsKeyUnusable(f"The keys for secrets cannot be written to {path}: {error.strerror or type(error).__name__}.") from None


def _replace(path: Path, lines: Sequence[str]) -> None:
    # mkstemp creates it with mode 0600: no other user can ever read it.
    descriptor, partial_name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    partial = Path(partial_name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(_HEAD + "".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # What is sealed with a key must not outlive the key, also when the power fails.
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        partial.unlink(missing_ok=True)
