"""What the two ends of a control socket send: one JSON value a line.

command                                          platform
   │ ─────────────────── connect ───────────────────▶ │  is it the same user?  no ──▶ close
   │ ◀──────────────── PlatformDescription ────────── │
   │ ─────────────────── ControlRequest ────────────▶ │
   │ ◀── {"result": …} or {"error": {…}} ──────────── │  and so on, one request after the other
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

MAX_LINE_BYTES = 16 * 1024 * 1024
"""The longest line. Settings and secrets of an install have far less; archives are passed by their path."""


class PlatformDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A running platform: its version, HTTP origins, data folder, and where its rows and bundles are, without passwords.

    `credentials` is the file of its development account, None where it has none.
    """

    version: str
    pid: int
    console: str
    runner: str
    environment: str
    data_dir: str
    database: str
    bundle_store: str
    credentials: str | None = None


class ControlRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One operation with its arguments by name, for a tenant (None: the development tenant).

    `strict` asks for the rules of production, which a command may want on a platform in development; never the other way round.
    """

    operation: str
    tenant: str | None = None
    arguments: dict[str, Any] = {}
    strict: bool = False


class ControlResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result, or the error in the form of `HoldfastError.to_json`."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: dict[str, Any] | None = None


def shown_location(address: str) -> str:
    """The address of a database or bundle store as it may be shown, and compared: without password, driver and options."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return str(Path(address).absolute())
    scheme = scheme.partition("+")[0]
    if scheme == "sqlite":
        return f"sqlite:///{Path(rest.removeprefix('/').partition('?')[0]).absolute()}"
    # A password can contain every character, so everything before the last @ counts as user and password.
    account, _, place = rest.rpartition("@")
    user = account.partition(":")[0]
    where = place.partition("?")[0].rstrip("/")
    return f"{'postgresql' if scheme == 'postgres' else scheme}://{f'{user}@{where}' if user else where}"
