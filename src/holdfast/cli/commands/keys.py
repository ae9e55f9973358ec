"""`holdfast keys`: key pairs that sign bundles, and the trust store. API keys are in `api_keys`."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from holdfast.bundles.signing.minisign_secret import SecretKey
from holdfast.bundles.signing.trust_store import TrustedKey, TrustStore, utc_now
from holdfast.cli.terminal.key_files import KEYS_FOLDER, PasswordFile, read_password, read_public_key, write_pair
from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import note, print_json, print_lines, print_table
from holdfast.client.errors import KeyFileUnusable
from holdfast.client.location.find import find_data_folder
from holdfast.errors import HoldfastError
from holdfast.settings import load_settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

keys = App(name="keys", help="Create signing keys, choose the keys you trust, and manage API keys.", version_flags=[])
keys.command(
    "holdfast.cli.commands.api_keys:api_keys", name="api", help="Create, list and revoke the API keys that programs use to act as a user."
)


class InvalidExpiry(HoldfastError):
    """Raised when the expiry of a key is in the past."""

    code = "invalid_expiry"
    status = 400


@keys.command
async def new(
    *,
    name: Annotated[str, Parameter(help="Name of the two files.")] = "holdfast",
    out: Annotated[Path | None, Parameter(help="Folder for the key pair. Default: keys/ in the data folder.", show_default=False)] = None,
    password_file: PasswordFile = None,
    no_password: Annotated[bool, Parameter(negative="", help="Store the secret key without a password, for build machines.")] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Create a key pair: the secret key signs, and others trust the public key.

    Both files have the format of minisign.
    """
    if not _NAME.fullmatch(name):
        raise KeyFileUnusable("The name of a key pair must be 1 to 64 letters, digits, '.', '_' or '-'.", hint="Choose another --name.")
    folder = out or find_data_folder(data_dir, creates=True, report=note) / KEYS_FOLDER
    password = None if no_password else await asyncio.to_thread(lambda: read_password(password_file, new=True))
    key = SecretKey.generate()
    secret, public = write_pair(folder, name, key, await asyncio.to_thread(key.to_text, password))
    if json:
        print_json({"id": key.public.key_id, "secret_key": str(secret), "public_key": str(public)})
        return
    print_lines(f"Created the key {key.public.key_id}", f"  secret  {secret}", f"  public  {public}")
    note(f"Do not share the secret file. Trust the key with: holdfast keys trust {public}")


@keys.command
async def trust(
    public_key: Path,
    *,
    name: Annotated[
        str | None, Parameter(help="Name of the key in the trust store. Default: the name of its file.", show_default=False)
    ] = None,
    expires: Annotated[
        datetime | None, Parameter(help="Time (UTC) after which its signatures are no longer valid.", show_default=False)
    ] = None,
    publisher: Annotated[
        list[str] | None,
        Parameter(help="Trust it only for this publisher. Repeat for several publishers.", negative="", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Trust the signatures of a key.

    If the key is already trusted, its name, expiry and publishers are replaced.

    Args:
        public_key: The .pub file of the key.
    """
    now = utc_now()
    until = None if expires is None else expires.replace(tzinfo=UTC) if expires.tzinfo is None else expires.astimezone(UTC)
    if until is not None and until <= now:
        raise InvalidExpiry("The expiry of the key is in the past.", hint="Pass a future date with --expires, such as 2031-12-31.")
    key = read_public_key(public_key)
    store = _trust_store(data_dir, creates=True)
    publishers = tuple(publisher) if publisher else None
    trusted = store.trust(key, name=name or public_key.stem, now=now, expires_at=until, publishers=publishers)
    _print_key(store, trusted, "Trusted", as_json=json)


@keys.command
async def revoke(
    key_id: str,
    *,
    reason: Annotated[
        str | None, Parameter(help="Reason that people see when a bundle is rejected because of it.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Revoke a key: none of its signatures is valid any more, whatever their date. You cannot undo this.

    Args:
        key_id: The id of the key, as `holdfast keys list` shows it.
    """
    store = _trust_store(data_dir)
    _print_key(store, store.revoke(key_id, now=utc_now(), reason=reason), "Revoked", as_json=json)


@keys.command(name="list")
async def list_keys(*, data_dir: DataDir = None, json: Json = False) -> None:
    """List the keys of the trust store."""
    store = _trust_store(data_dir)
    found = store.read().all
    if json:
        print_json({"trust_store": str(store.path), "keys": [_key_json(key) for key in found]})
        return
    if not found:
        note(f"The trust store {store.path} has no keys. Trust one with: holdfast keys trust FILE.pub")
        return
    headings = ("ID", "NAME", "STATE", "EXPIRES", "PUBLISHERS")
    rows = list[tuple[str, ...]]()
    for key in found:
        expires = "never" if key.expires_at is None else key.expires_at.isoformat(sep=" ", timespec="minutes")
        rows.append((key.id, key.name, _state(key), expires, ", ".join(key.publishers or ("all",))))
    print_table(headings, rows)


def _trust_store(data_dir: Path | None, *, creates: bool = False) -> TrustStore:
    return TrustStore(load_settings(data_dir=find_data_folder(data_dir, creates=creates, report=note)).resolved_trust_store)


def _print_key(store: TrustStore, key: TrustedKey, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"trust_store": str(store.path), "key": _key_json(key)})
    else:
        print_lines(f"{done} {key.name} ({key.id}) in {store.path}")


def _key_json(key: TrustedKey) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(key)
    return shown | {"state": _state(key)}


def _state(key: TrustedKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "trusted" if key.is_valid_at(datetime.now(UTC)) else "expired"
