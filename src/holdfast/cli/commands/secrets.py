"""`holdfast secrets`: the secrets of an installed extension, and the keys that encrypt them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from msgspec import UNSET, UnsetType

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.maintenance import open_maintenance
from holdfast.cli.terminal.options import HERE, DataDir, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_lines
from holdfast.cli.terminal.secret_values import SecretNotGiven, read_values
from holdfast.registry.secrets.results import SecretsSummary

NEVER = "never"

secrets = App(name="secrets", help="Set and remove the secrets of an installed extension. Values are never shown.", version_flags=[])


@secrets.command(name="set")
async def set_secrets(
    name: str,
    /,
    *keys: Annotated[str, Parameter(help="Names of secrets: KEY prompts for the value, KEY=- reads it from stdin.")],
    from_file: Annotated[
        tuple[str, ...],
        Parameter(help="KEY=FILE: read the value from the file. Repeat for several secrets.", negative="", show_default=False),
    ] = (),
    expires: Annotated[
        str | None,
        Parameter(help="Time (UTC) at which all secrets of the extension expire, or `never`.", show_default=False),
    ] = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Set one or more secrets; the others do not change.

    Values are read from a prompt, stdin or a file, never from the command line.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    until = _expiry(expires)
    # With only an expiry, the secrets do not change.
    only_expiry = until is not UNSET and not keys and not from_file
    values = {} if only_expiry else await asyncio.to_thread(read_values, keys, from_file)
    async with open_registry(target) as registry:
        _print_secrets(await registry.set_secrets(name, values, expires_at=until), as_json=json)


@secrets.command(name="list")
async def list_secrets(name: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """List the names of an extension's secrets.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        _print_secrets(await registry.secrets(name), as_json=json)


@secrets.command
async def remove(
    name: str,
    /,
    *keys: Annotated[str, Parameter(help="Secrets to remove.")],
    all_of_them: Annotated[
        bool, Parameter("--all", negative="", help="Remove all, including those that can no longer be decrypted.")
    ] = False,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Remove one or more secrets; the others do not change.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    if bool(keys) == all_of_them:
        raise SecretNotGiven("No secret given.", hint="Add the names of the secrets to remove, or pass --all.")
    async with open_registry(target) as registry:
        summary = await registry.clear_secrets(name) if all_of_them else SecretsSummary(keys=[])
        for key in keys:
            summary = await registry.remove_secret(name, key)
    _print_secrets(summary, as_json=json)


@secrets.command
async def rotate(
    *,
    new_key: Annotated[bool, Parameter(negative="", help="First add a new key to the key file.")] = False,
    drop_old_keys: Annotated[
        bool, Parameter(negative="", help="Then remove the old keys from the key file. Older backups still need them.")
    ] = False,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Encrypt the secrets of all extensions again, with the newest key.

    You can interrupt the command and run it again. Calls continue while it runs.
    """
    async with open_maintenance(data_dir) as maintenance:
        done = await maintenance.rotate_secrets(new_key, drop_old_keys)
    if done.added_key is not None:
        note(f"Added the key {done.added_key} to {done.key_file}. Back up the file.")
    if json:
        counts = {"resealed": done.resealed, "newest_already": done.newest_already, "unreadable": done.unreadable}
        print_json(counts | {"dropped_keys": done.dropped_keys})
    else:
        print_lines(f"Encrypted again: {done.resealed}. Already encrypted with the newest key: {done.newest_already}.")
        if drop_old_keys:
            print_lines(f"Removed keys: {done.dropped_keys}.")
    for install_id in done.unreadable:
        note(f"Cannot decrypt the secrets of the install {install_id}; they are unchanged. Set them again with `holdfast secrets set`.")
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
            "The value of --expires is not a time.", hint="Write it like 2031-12-31 or 2031-12-31T12:00:00Z, or pass --expires never."
        ) from None
    return end.replace(tzinfo=UTC) if end.tzinfo is None else end


def _print_secrets(summary: SecretsSummary, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(summary))
        return
    print_lines(*summary.keys)
    if not summary.keys:
        note("No secrets are set.")
    if summary.expires_at is not None:
        verb = "expired at" if summary.expires_at <= datetime.now(UTC) else "expire at"
        note(f"They {verb} {summary.expires_at.isoformat(sep=' ', timespec='minutes')}.")
