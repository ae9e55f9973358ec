"""`holdfast users`: the people of a tenant, and what opens their accounts."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from holdfast.cli.terminal.account_password import AccountPasswordFile, account_password
from holdfast.cli.terminal.options import Json
from holdfast.cli.terminal.printing import note, print_json, print_lines, result_console
from holdfast.client.target import HERE, Target
from holdfast.client.users.protocol import open_people
from holdfast.records.administration import NewUser

users = App(name="users", help="Make and list users, shut them out and let them in again.", version_flags=[])


@users.command
async def new(
    email: str,
    *,
    first_name: Annotated[str | None, Parameter(help="First name.", show_default=False)] = None,
    last_name: Annotated[str | None, Parameter(help="Last name.", show_default=False)] = None,
    admin: Annotated[bool, Parameter(negative="", help="Let the user administer users and extensions.")] = False,
    client: Annotated[
        str | None, Parameter(help="Name of the client the user belongs to; else the user works for the tenant.", show_default=False)
    ] = None,
    password_file: AccountPasswordFile = None,
    target: Target = HERE,
    json: Json = False,
) -> None:
    """Make a user.

    Args:
        email: The email address that the user signs in with.
    """
    user = NewUser(
        email=email,
        user_type="internal" if client is None else "client",
        first_name=first_name,
        last_name=last_name,
        client_name=client,
        is_admin=admin,
    )
    password, made_up = await asyncio.to_thread(account_password, password_file)
    async with open_people(target) as people:
        made = await people.add_user(user, password)
    if json:
        print_json({"user": msgspec.to_builtins(made), **({"password": password} if made_up else {})})
        return
    print_lines(f"Made the user {made.email}", *([f"  password  {password}"] if made_up else []))
    if made_up:
        note("The password is shown only now.")


@users.command(name="list")
async def list_users(*, target: Target = HERE, json: Json = False) -> None:
    """List the users of a tenant."""
    async with open_people(target) as people:
        found = await people.users()
    if json:
        print_json({"users": msgspec.to_builtins(found)})
        return
    if not found:
        note("This tenant has no users. Make one with: holdfast users new EMAIL")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("EMAIL", "NAME", "KIND", "STATE", "ID"):
        table.add_column(heading, overflow="fold")
    for one in found:
        name = " ".join(part for part in (one.first_name, one.last_name) if part)
        kind = "administrator" if one.is_admin else one.user_type if one.client_name is None else f"client {one.client_name}"
        table.add_row(escape(one.email), escape(name), escape(kind), "shut out" if one.is_inactive else "active", one.user_id)
    result_console().print(table)


@users.command
async def deactivate(user: str, *, target: Target = HERE, json: Json = False) -> None:
    """Shut a user out: nobody signs in as them, their sessions end, their API keys rest.

    Args:
        user: Email address or id.
    """
    async with open_people(target) as people:
        email = await people.set_inactive(user, inactive=True)
    _tell(f"{email} is shut out", email, as_json=json, is_inactive=True)


@users.command
async def activate(user: str, *, target: Target = HERE, json: Json = False) -> None:
    """Let a user in again who was shut out.

    Args:
        user: Email address or id.
    """
    async with open_people(target) as people:
        email = await people.set_inactive(user, inactive=False)
    _tell(f"{email} may sign in", email, as_json=json, is_inactive=False)


@users.command
async def sign_out(user: str, *, target: Target = HERE, json: Json = False) -> None:
    """End every session of a user.

    Args:
        user: Email address or id.
    """
    async with open_people(target) as people:
        email = await people.sign_out(user)
    _tell(f"{email} is signed out everywhere", email, as_json=json)


@users.command
async def password(
    user: str,
    *,
    password_file: AccountPasswordFile = None,
    target: Target = HERE,
    json: Json = False,
) -> None:
    """Give a user another password, and end their sessions.

    Args:
        user: Email address or id.
    """
    chosen, made_up = await asyncio.to_thread(account_password, password_file)
    async with open_people(target) as people:
        email = await people.set_password(user, chosen)
    if made_up and not json:
        print_lines(f"{email} has another password", f"  password  {chosen}")
        note("The password is shown only now.")
    else:
        _tell(f"{email} has another password", email, as_json=json, **({"password": chosen} if made_up else {}))


def _tell(done: str, email: str, *, as_json: bool, **told: object) -> None:
    if as_json:
        print_json({"email": email, **told})
    else:
        print_lines(done)
