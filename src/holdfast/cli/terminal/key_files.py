"""Reads and writes key files, and reads their passwords."""

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
from holdfast.client.errors import KeyFileUnusable, PasswordNotGiven

KEYS_FOLDER = "keys"
PASSWORD_MAX_BYTES = 1_024

PasswordFile = Annotated[
    Path | None, Parameter("--password-file", help="File whose first line is the password of the secret key. Default: a prompt.")
]


def read_public_key(path: Path) -> PublicKey:
    """The key of a `.pub` file. Raises KeyFileUnusable."""
    try:
        return PublicKey.parse(_read(path))
    except MalformedMinisign as error:
        raise KeyFileUnusable(f"{path} is not a public key. {error.message}", hint="Name the .pub file of the key pair.") from None


async def read_secret_key(path: Path, password_file: Path | None) -> SecretKey:
    """The key of a secret key file. Its password, if it has one, comes from the file or a prompt.

    Raises KeyFileUnusable, PasswordNotGiven, SecretKeyLocked.
    """
    data = _read(path)
    try:
        password = await asyncio.to_thread(read_password, password_file) if is_password_protected(data) else None
        # Decrypting a key takes time and memory on purpose.
        return await asyncio.to_thread(SecretKey.parse, data, password)
    except MalformedMinisign as error:
        raise KeyFileUnusable(f"{path} is not a secret key. {error.message}", hint="Name the .key file of the key pair.") from None


def read_password(password_file: Path | None, *, new: bool = False) -> str:
    """The password of the file, or of a prompt; a new one is typed twice. Raises KeyFileUnusable, PasswordNotGiven."""
    if password_file is not None:
        try:
            password = _read(password_file, PASSWORD_MAX_BYTES).decode().split("\n")[0].removesuffix("\r")
        except UnicodeDecodeError:
            raise KeyFileUnusable(f"{password_file} is not UTF-8 text.", hint="Write the password on its first line.") from None
    elif sys.stdin.isatty():
        password = getpass.getpass("Password of the secret key: ")
        if new and getpass.getpass("Repeat the password: ") != password:
            raise PasswordNotGiven("The two passwords differ.", hint="Run the command again.")
    else:
        hint = "Name a file that contains it with --password-file" + (", or pass --no-password." if new else ".")
        raise PasswordNotGiven("The password of the secret key is needed, and stdin is not a terminal where you could type it.", hint=hint)
    if not password:
        raise PasswordNotGiven("The password is empty.", hint="Pass --no-password for none." if new else "Run the command again.")
    return password


def write_pair(folder: Path, name: str, key: SecretKey, secret_text: str) -> tuple[Path, Path]:
    """Writes `<name>.key` (mode 0600) and `<name>.pub`, which must not exist. Raises KeyFileUnusable."""
    secret, public = folder / f"{name}.key", folder / f"{name}.pub"
    if not folder.is_dir() and folder.exists():
        raise KeyFileUnusable(f"{folder} is not a folder.", hint="Choose another --out.")
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
            f"{error.filename} already exists, and Holdfast never overwrites a key.", hint="Choose another --name or --out."
        ) from None
    except OSError as error:
        raise KeyFileUnusable(
            f"Cannot write the keys to {folder}: {error.strerror or type(error).__name__}.",
            hint="Check its permissions, or choose another --out.",
        ) from None
    return secret, public


def default_secret_key(data_dir: Path) -> Path:
    """The only secret key in the data folder. Raises KeyFileUnusable when there is none, or more than one."""
    found = sorted((data_dir / KEYS_FOLDER).glob("*.key"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise KeyFileUnusable(
            f"No secret key found in {data_dir / KEYS_FOLDER}.", hint="Name one with --key, or create a key pair with `holdfast keys new`."
        )
    raise KeyFileUnusable(f"Several secret keys found in {data_dir / KEYS_FOLDER}.", hint="Choose one with --key.")


def _read(path: Path, limit: int = FILE_MAX_BYTES) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise KeyFileUnusable(f"The file {path} does not exist.", hint="Check the path.") from None
    except OSError as error:
        raise KeyFileUnusable(f"Cannot read {path}: {error.strerror or type(error).__name__}.", hint="Check its permissions.") from None
