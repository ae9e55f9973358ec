"""Key files and their passwords, as the commands take them."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.bundles.signing.minisign import FILE_MAX_BYTES, MalformedMinisign, PublicKey
from holdfast.bundles.signing.minisign_secret import SecretKey, is_password_protected
from holdfast.errors import HoldfastError

KEYS_FOLDER = "keys"
PASSWORD_MAX_BYTES = 1_024

PasswordFile = Annotated[
    Path | None, Parameter("--password-file", help="File whose first line is the secret key's password; else it is asked for.")
]


class KeyFileUnusable(HoldfastError):
    """Raised when a key file, or the file of a password, cannot be read, written or understood."""

    code = "key_file_unusable"
    status = 400


class PasswordNotGiven(HoldfastError):
    """Raised when a password is needed and there is nobody to ask for it."""

    code = "password_not_given"
    status = 400


def read_public_key(path: Path) -> PublicKey:
    """The key of a `.pub` file. Raises KeyFileUnusable."""
    try:
        return PublicKey.parse(_read(path))
    except MalformedMinisign as error:
        raise KeyFileUnusable(f"{path} is no public key. {error.message}", hint="Name the .pub file of the pair.") from None


async def read_secret_key(path: Path, password_file: Path | None) -> SecretKey:
    """The key of a secret key file; its password, when it has one, from the file or from whoever sits at the terminal.

    Raises KeyFileUnusable, PasswordNotGiven, SecretKeyLocked.
    """
    data = _read(path)
    try:
        password = await asyncio.to_thread(given_password, password_file) if is_password_protected(data) else None
        # Opening a sealed key takes time and memory on purpose.
        return await asyncio.to_thread(SecretKey.parse, data, password)
    except MalformedMinisign as error:
        raise KeyFileUnusable(f"{path} is no secret key. {error.message}", hint="Name the .key file of the pair.") from None


def given_password(password_file: Path | None, *, new: bool = False) -> str:
    """The password in the file, else the one that is typed; a new one is typed twice. Raises KeyFileUnusable, PasswordNotGiven."""
    if password_file is not None:
        try:
            password = _read(password_file, PASSWORD_MAX_BYTES).decode().split("\n")[0].removesuffix("\r")
        except UnicodeDecodeError:
            raise KeyFileUnusable(f"{password_file} is not text in UTF-8.") from None
    elif sys.stdin.isatty():
        password = getpass.getpass("Password of the secret key: ")
        if new and getpass.getpass("The same again: ") != password:
            raise PasswordNotGiven("The two passwords differ.", hint="Run the command again.")
    else:
        hint = "Name a file that holds it with --password-file" + (", or say --no-password." if new else ".")
        raise PasswordNotGiven("The secret key's password is needed, and there is no terminal to ask for it.", hint=hint)
    if not password:
        raise PasswordNotGiven("The password is empty.", hint="Say --no-password for a key without one." if new else None)
    return password


def write_pair(folder: Path, name: str, key: SecretKey, secret_text: str) -> tuple[Path, Path]:
    """Writes `<name>.key` (mode 0600) and `<name>.pub`, neither of which may be there. Raises KeyFileUnusable."""
    secret, public = folder / f"{name}.key", folder / f"{name}.pub"
    if not folder.is_dir() and folder.exists():
        raise KeyFileUnusable(f"{folder} is no folder.", hint="Choose another --out.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if public.exists():
            raise FileExistsError(None, None, str(public))
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(secret_text)
        with public.open("x") as file:
            file.write(key.public.to_text())
    except FileExistsError as error:
        raise KeyFileUnusable(
            f"{error.filename} is there already, and a key is never overwritten.", hint="Choose another --name or --out."
        ) from None
    except OSError as error:
        raise KeyFileUnusable(f"The keys cannot be written to {folder}: {error.strerror or type(error).__name__}.") from None
    return secret, public


def default_secret_key(data_dir: Path) -> Path:
    """The secret key in the data folder, if there is one and no other. Raises KeyFileUnusable."""
    found = sorted((data_dir / KEYS_FOLDER).glob("*.key"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise KeyFileUnusable(
            f"There is no secret key in {data_dir / KEYS_FOLDER}.", hint="Name one with --key, or make a pair: `holdfast keys new`."
        )
    raise KeyFileUnusable(f"There are several secret keys in {data_dir / KEYS_FOLDER}.", hint="Name the one you mean with --key.")


def _read(path: Path, limit: int = FILE_MAX_BYTES) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise KeyFileUnusable(f"There is no {path}.", hint="Name a file that is there.") from None
    except OSError as error:
        raise KeyFileUnusable(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from None
