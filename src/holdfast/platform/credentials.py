"""Where the credentials of the development account are, and whose they are.

A data folder has the file credentials.json. A folder that is used with several databases has one file for each: the first is
credentials.json, the others have a part of the database's hash in their name. A start on one database never replaces what is valid on
another.
"""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from holdfast.platform.control.messages import shown_location
from holdfast.records.development_tenant import DEVELOPMENT_KEY, DevelopmentAccount
from holdfast.settings import Settings

if TYPE_CHECKING:
    from holdfast.records.database.database import Database

CREDENTIALS_FILE = "credentials.json"


def credentials_file(data_dir: Path) -> Path:
    """The file with the email address, password and API key of the development account (mode 0600)."""
    return data_dir / CREDENTIALS_FILE


def credentials_file_of(settings: Settings) -> Path:
    """The file for the database of the settings. The one of an older version, which names no database, counts for each."""
    first = credentials_file(settings.data_dir)
    database = shown_location(settings.resolved_database_url)
    try:
        stored = msgspec.json.decode(first.read_bytes(), type=DevelopmentAccount)
    except (OSError, msgspec.MsgspecError):
        return first
    if stored.database in (None, database):
        return first
    return first.with_stem(f"{first.stem}-{hashlib.sha256(database.encode()).hexdigest()[:8]}")


def is_own_database(settings: Settings) -> bool:
    """Whether the database is the data folder's own file, which no other folder uses."""
    return settings.database_url is None


async def ensure_account(settings: Settings, db: Database) -> DevelopmentAccount:
    """The development tenant and its account in the database of the settings; see `ensure_development_tenant`.

    In a database that other data folders can use too, only an API key of this folder is ever replaced.
    """
    from holdfast.records.accounts import ensure_development_tenant

    own = is_own_database(settings)
    return await ensure_development_tenant(
        db,
        credentials_file_of(settings),
        database=shown_location(settings.resolved_database_url),
        key_name=DEVELOPMENT_KEY if own else f"{DEVELOPMENT_KEY} on {socket.gethostname()}, {settings.data_dir.resolve()}",
    )
