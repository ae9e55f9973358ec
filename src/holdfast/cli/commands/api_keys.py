"""`holdfast keys api`: the API keys that programs use to act as a user."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from holdfast.cli.terminal.clients import open_user_directory
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_lines, print_table
from holdfast.records.account_types import EVERYTHING, ApiKeySummary

api_keys = App(name="api", help="Create, list and revoke the API keys that programs use to act as a user.", version_flags=[])


@api_keys.command
async def new(
    *,
    user: Annotated[
        str | None,
        Parameter(
            help="Email address or id of the user. Default: the administrator of the development tenant; on a server, always you.",
            show_default=False,
        ),
    ] = None,
    scope: Annotated[
        list[str] | None,
        Parameter(
            help="Permission of the key, such as extension:read. Repeat for several. Default: everything that the user may do.",
            negative="",
            show_default=False,
        ),
    ] = None,
    description: Annotated[str | None, Parameter(help="What the key is for.", show_default=False)] = None,
    expires: Annotated[datetime | None, Parameter(help="Time (UTC) at which the key expires.", show_default=False)] = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Create an API key. It is shown only once, because Holdfast stores only its hash."""
    until = None if expires is None else expires.replace(tzinfo=UTC) if expires.tzinfo is None else expires.astimezone(UTC)
    async with open_user_directory(target, missing="create") as directory:
        created, key = await directory.create_api_key(user, scopes=scope or [EVERYTHING], description=description, expires_at=until)
    if json:
        print_json({"api_key": key, "key": msgspec.to_builtins(created)})
        return
    print_lines(key)
    note(f"This key is shown only once. It acts as {created.email} ({', '.join(created.scopes)}); its id is {created.api_key_id}.")


@api_keys.command(name="list")
async def list_keys(*, target: TargetOptions = HERE, json: Json = False) -> None:
    """List the API keys of a tenant, newest first."""
    async with open_user_directory(target) as directory:
        found = await directory.api_keys()
    now = datetime.now(UTC)
    if json:
        print_json({"keys": [msgspec.to_builtins(one) | {"state": _state(one, now)} for one in found]})
        return
    if not found:
        note("This tenant has no API keys. Create one with: holdfast keys api new --user EMAIL")
        return
    headings = ("KEY", "USER", "SCOPES", "STATE", "EXPIRES", "DESCRIPTION", "ID")
    rows = list[tuple[str, ...]]()
    for one in found:
        expires = "never" if one.expires_at is None else one.expires_at.isoformat(sep=" ", timespec="minutes")
        email, description = one.email, one.description or ""
        rows.append((f"{one.prefix}…", email, ", ".join(one.scopes), _state(one, now), expires, description, one.api_key_id))
    print_table(headings, rows)


@api_keys.command
async def revoke(key: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Revoke an API key. You cannot undo this.

    Args:
        key: The id of the key, or its first ten characters, as `holdfast keys api list` shows them.
    """
    async with open_user_directory(target) as directory:
        revoked = await directory.revoke_api_key(key.removesuffix("…"))
    if json:
        print_json({"key": msgspec.to_builtins(revoked) | {"state": "revoked"}})
    else:
        print_lines(f"Revoked the API key {revoked.prefix}… of {revoked.email}")


def _state(key: ApiKeySummary, now: datetime) -> str:
    if key.revoked:
        return "revoked"
    return "active" if key.expires_at is None or key.expires_at > now else "expired"
