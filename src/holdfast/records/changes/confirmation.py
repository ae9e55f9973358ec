"""Waiting, after a commit that revokes, until no gateway decides from what was before. The protocol is described in `gateways`."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing
from typing import Any

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from holdfast.concurrency.tasks import end_task
from holdfast.records.changes.connections import connect
from holdfast.records.changes.gateways import CONFIRM, CONFIRMED, LEASE_SECONDS, NUMBERS

_log = structlog.get_logger(__name__)


async def wait_for_gateways(engine: AsyncEngine) -> None:
    """Returns when every gateway has confirmed that it knows what was committed before, at the latest after LEASE_SECONDS.

    Then each gateway either confirmed or has no lease any more that is older than the commit. Raises nothing: the commit has happened.
    """
    waiting: set[int] = set()
    asking = asyncio.create_task(_ask(engine, waiting), name="confirm a revocation")
    try:
        await asyncio.wait([asking], timeout=LEASE_SECONDS)
        if not asking.done():
            _log.warning("revocation_not_confirmed", gateways=len(waiting))
    finally:
        await end_task(asking)


async def _ask(engine: AsyncEngine, waiting: set[int]) -> None:
    """Returns when every gateway has confirmed. `waiting` holds the numbers of those that have not."""
    try:
        async with engine.connect() as pooled:
            # Most commands run without a gateway, and need no connection that listens.
            waiting.update((await pooled.exec_driver_sql(NUMBERS)).scalars())
        if waiting:
            async with await connect(engine.url, "holdfast revocation") as connection:
                await _collect(connection, waiting)
    except (psycopg.Error, DBAPIError, OSError) as error:
        _log.warning("revocation_not_confirmed", reason=type(error).__name__)
        # Without a connection no gateway can be asked, but leases end by themselves.
        await asyncio.sleep(LEASE_SECONDS)


async def _collect(connection: psycopg.AsyncConnection[Any], waiting: set[int]) -> None:
    """Asks for confirmations, and removes each gateway that sends one from `waiting`. Ends when `waiting` is empty."""
    nonce = secrets.token_hex(16)
    await connection.execute(f"LISTEN {CONFIRMED}")
    await connection.execute("SELECT pg_notify(%s, %s)", (CONFIRM, nonce))
    # Closed before the connection is: until then the generator holds its lock.
    async with aclosing(connection.notifies()) as notifications:
        async for notification in notifications:
            sent, _, number = notification.payload.partition(" ")
            if sent == nonce and number.isdecimal():
                waiting.discard(int(number))
                if not waiting:
                    return
