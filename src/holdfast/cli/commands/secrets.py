"""`holdfast secrets`: the secrets of an installed extension, and the keys they are sealed with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from msgspec import UNSET, UnsetType

from holdfast.cli.terminal.options import DataDir, Json, load_settings
from holdfast.cli.terminal.printing import note, print_json, print_lines
from holdfast.cli.terminal.secret_values import SecretNotGiven, read_values
from holdfast.client.database import open_records
from holdfast.client.registry.protocol import open_registry
from holdfast.client.target import HERE, Target
from holdfast.registry.secrets.rotation import drop_old_keys as drop_keys
from holdfast.registry.secrets.rotation import rotate as rotate_secrets
from holdfast.registry.secrets.sealing import Sealer
from holdfast.registry.secrets.service import SecretsSummary

NEVER = "never"

secrets = App(name="secrets", help="Set and remove the secrets of an installed extension. No value is ever shown.", version_flags=[])


@secrets.command(name="set")
async def set_secrets(
    name: str,
    /,
    *keys: Annotated[str, Parameter(help="Secrets: KEY is asked for, KEY=- is read from stdin.")],
    from_file: Annotated[
        tuple[str, ...], Parameter(help="KEY=FILE: the value is what the file holds. May be repeated.", negative="", show_default=False)
    ] = (),
    expires: Annotated[
        str | None,
        Parameter(help="From then on (UTC) the extension gets none of its secrets; `never` takes that back.", show_default=False),
    ] = None,
    target: Target = HERE,
    json: Json = False,
) -> None:
    """Set secrets; the others stay. Values are not taken from the command line.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    until = _expiry(expires)
    # With an expiry alone, the secrets stay as they are.
    only_expiry = until is not UNSET and not keys and not from_file
    values = {} if only_expiry else await asyncio.to_thread(read_values, keys, from_file)
    async with open_registry(target) as registry:
        _tell(await registry.set_secrets(name, values, expires_at=until), as_json=json)


@secrets.command(name="list")
async def list_secrets(name: str, *, target: Target = HERE, json: Json = False) -> None:
    """Show the names of an extension's secrets.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        _tell(await registry.secrets(name), as_json=json)


@secrets.command
async def remove(
    name: str,
    /,
    *keys: Annotated[str, Parameter(help="Secrets to remove.")],
    all_of_them: Annotated[bool, Parameter("--all", negative="", help="Remove all, also those that cannot be opened any more.")] = False,
    target: Target = HERE,
    json: Json = False,
) -> None:
    """Remove secrets; the others stay."""
    if bool(keys) == all_of_them:
        raise SecretNotGiven("Name the secrets to remove, or say --all.")
    async with open_registry(target) as registry:
        summary = await registry.clear_secrets(name) if all_of_them else SecretsSummary(keys=[])
        for key in keys:
            summary = await registry.remove_secret(name, key)
    _tell(summary, as_json=json)


@secrets.command
async def rotate(
    *,
    new_key: Annotated[bool, Parameter(negative="", help="Put a new key before the others of the key file first.")] = False,
    drop_old_keys: Annotated[
        bool, Parameter(negative="", help="Take the other keys out of the key file then. Backups from before need them.")
    ] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Seal the secrets of all extensions anew, under the newest key. It can be stopped and run again; calls go on meanwhile."""
    settings = load_settings(data_dir=data_dir)
    sealer = Sealer.from_settings(settings)
    try:
        async with open_records(settings) as db:
            if new_key:
                added = await asyncio.to_thread(sealer.add_key)
                note(f"{sealer.keys.name} has the new key {added.id}. Keep a copy of the file.")
            done = await rotate_secrets(db, sealer)
            dropped = await drop_keys(db, sealer) if drop_old_keys else 0
    finally:
        await sealer.close()
    if json:
        print_json(msgspec.to_builtins(done) | {"dropped_keys": dropped})
    else:
        print_lines(f"Sealed anew: {done.resealed}. Under the newest key already: {done.newest_already}.")
        if drop_old_keys:
            print_lines(f"Keys taken out: {dropped}.")
    for install_id in done.unreadable:
        note(f"The secrets of the install {install_id} cannot be opened, and stay as they are.")
    return 1 if done.unreadable else 0


def _expiry(written: str | None) -> datetime | UnsetType | None:
    if written is None:
        return UNSET
    if written.strip().lower() == NEVER:
        return None
    try:
        end = datetime.fromisoformat(written.strip())
    except ValueError:
        raise SecretNotGiven(
            "--expires is not a time.", hint="Write it like 2031-12-31 or 2031-12-31T12:00:00Z, or say --expires never."
        ) from None
    return end.replace(tzinfo=UTC) if end.tzinfo is None else end


def _tell(summary: SecretsSummary, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(summary))
        return
    print_lines(*summary.keys)
    if not summary.keys:
        note("There are no secrets.")
    if summary.expires_at is not None:
        over = "expired at" if summary.expires_at <= datetime.now(UTC) else "expire at"
        note(f"They {over} {summary.expires_at.isoformat(sep=' ', timespec='minutes')}.")
