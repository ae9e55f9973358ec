"""`holdfast users`: the users of a tenant and their passwords."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from holdfast.cli.terminal.account_password import AccountPasswordFile, account_password
from holdfast.cli.terminal.clients import open_user_directory
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_lines, print_table
from holdfast.records.account_types import CreateUser

users = App(name="users", help="Create, list, deactivate and activate users.", version_flags=[])


@users.command
async def new(
    email: str,
    *,
    first_name: Annotated[str | None, Parameter(help="First name.", show_default=False)] = None,
    last_name: Annotated[str | None, Parameter(help="Last name.", show_default=False)] = None,
    admin: Annotated[bool, Parameter(negative="", help="Make the user an administrator of users and extensions.")] = False,
    client: Annotated[
        str | None,
        Parameter(help="Name of the client that the user belongs to. Default: the user belongs to the tenant itself.", show_default=False),
    ] = None,
    password_file: AccountPasswordFile = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Create a user.

    Args:
        email: The email address that the user signs in with.
    """
    user = CreateUser(
        email=email,
        user_type="internal" if client is None else "client",
        first_name=first_name,
        last_name=last_name,
        client_name=client,
        is_admin=admin,
    )
    password, is_generated = await asyncio.to_thread(account_password, password_file)
    async with open_user_directory(target, missing="create") as directory:
        created = await directory.create_user(user, password)
    if json:
        print_json({"user": msgspec.to_builtins(created), **({"password": password} if is_generated else {})})
        return
    print_lines(f"Created the user {created.email}", *([f"  password  {password}"] if is_generated else []))
    if is_generated:
        note("The password is shown only once.")


@users.command(name="list")
async def list_users(*, target: TargetOptions = HERE, json: Json = False) -> None:
    """List the users of a tenant."""
    async with open_user_directory(target) as directory:
        found = await directory.users()
    if json:
        print_json({"users": msgspec.to_builtins(found)})
        return
    if not found:
        note("This tenant has no users. Create one with: holdfast users new EMAIL")
        return
    headings = ("EMAIL", "NAME", "KIND", "STATE", "ID")
    rows = list[tuple[str, ...]]()
    for one in found:
        name = " ".join(part for part in (one.first_name, one.last_name) if part)
        kind = "administrator" if one.is_admin else one.user_type if one.client_name is None else f"client {one.client_name}"
        rows.append((one.email, name, kind, "deactivated" if one.is_inactive else "active", one.user_id))
    print_table(headings, rows)


@users.command
async def deactivate(user: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Deactivate a user: their sessions end, and their password and API keys stop working.

    Args:
        user: The email address or id of the user.
    """
    async with open_user_directory(target) as directory:
        email = await directory.set_inactive(user, inactive=True)
    _print_change(f"{email} is deactivated", email, as_json=json, is_inactive=True)


@users.command
async def activate(user: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Activate a deactivated user.

    Args:
        user: The email address or id of the user.
    """
    async with open_user_directory(target) as directory:
        email = await directory.set_inactive(user, inactive=False)
    _print_change(f"{email} is active", email, as_json=json, is_inactive=False)


@users.command
async def sign_out(user: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """End every session of a user.

    Args:
        user: The email address or id of the user.
    """
    async with open_user_directory(target) as directory:
        email = await directory.end_sessions(user)
    _print_change(f"All sessions of {email} are ended", email, as_json=json)


@users.command
async def password(
    user: str,
    *,
    password_file: AccountPasswordFile = None,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Set the password of a user, and end their sessions.

    Args:
        user: The email address or id of the user.
    """
    chosen, is_generated = await asyncio.to_thread(account_password, password_file)
    async with open_user_directory(target) as directory:
        email = await directory.set_password(user, chosen)
    if is_generated and not json:
        print_lines(f"The password of {email} is changed", f"  password  {chosen}")
        note("The password is shown only once.")
    else:
        _print_change(f"The password of {email} is changed", email, as_json=json, **({"password": chosen} if is_generated else {}))


def _print_change(message: str, email: str, *, as_json: bool, **fields: object) -> None:
    if as_json:
        print_json({"email": email, **fields})
    else:
        print_lines(message)
