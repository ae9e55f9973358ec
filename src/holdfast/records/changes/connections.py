"""Connections to Postgres for notifications, beside the pool: a session that listens cannot be returned to it."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import URL

# A server that vanished without a word is noticed after seconds, by both ends.
_KEEPALIVE = {"keepalives_idle": "2", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "5000"}


async def connect(url: URL, name: str) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """A connection in which each statement is a transaction. `name` is what the server calls it. Raises psycopg.Error."""
    _, options = url.get_dialect()().create_connect_args(url)
    return await psycopg.AsyncConnection.connect(
        **{**_KEEPALIVE, **options, "application_name": name}, autocommit=True, prepare_threshold=None
    )
