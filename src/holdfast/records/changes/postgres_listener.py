"""The change feed of a Postgres database: listens for changes, and trusts what it has heard for a second.

    state of the feed     connecting ──LISTEN, first renewal──▶ following ──lease over: no renewal answered──▶ stalled
                              ▲                                    │  ▲                                           │
                              │◀──────── connection lost ──────────┘  └─────────────── renewal answered ──────────┤
                              └◀──────────────────────────── connection lost ─────────────────────────────────────┘
    stamp() is            None                                 a number                                         None

A renewal is a statement on the listening connection. Its answer comes after the notification of everything that was committed before it was
sent, so the lease counts from the sending, not from the answer. When the process stops, the network drops packets or the server stalls, no
renewal is answered and the lease ends by itself.

Every change gets the next number. The stamp of a tenant is the number of its last change, or `_floor` if that is later: the last change
that concerns all, or the moment the connection began, before which anything may have happened.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import psycopg
import structlog
from sqlalchemy import URL

from holdfast.concurrency.tasks import end_task
from holdfast.records.changes.connections import connect
from holdfast.records.changes.feed import CHANNEL, SHARED
from holdfast.records.changes.gateways import CONFIRM, CONFIRMED, GATEWAYS, LEASE_SECONDS, RENEW_SECONDS, lease_clock

MAX_TENANTS = 10_000
_RECONNECT_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
_MAX_NONCE_LENGTH = 64
# A gateway that was stopped must not delay revocations without limit: the server ends its session, and with it its lock.
_IDLE_LIMIT = "SELECT set_config(name, '10s', false) FROM pg_settings WHERE name = 'idle_session_timeout'"
_RENEW = "SELECT pg_backend_pid()"
_RENEW_AND_CONFIRM = "SELECT pg_backend_pid(), pg_notify(%s, nonce || ' ' || %s) FROM unnest(%s::text[]) AS nonce"

_log = structlog.get_logger(__name__)


class PooledConnection(Exception):
    """Raised when something between this process and the server shares sessions: notifications would be lost without a sign."""


class PostgresListener:
    """Follows the changes of the database at `url` while `follow` runs. `clock` returns seconds and never goes back."""

    def __init__(self, url: URL, *, clock: Callable[[], float] = lease_clock) -> None:
        self._url = url
        self._clock = clock
        self._lease_until = float("-inf")
        self.works = False
        self._sequence = 0
        self._floor = 0
        self._last: dict[str, int] = {}
        self._nonces: list[str] = []

    def stamp(self, tenant_id: str) -> int | None:
        if self._clock() >= self._lease_until:
            return None
        last = self._last.get(tenant_id, 0)
        return last if last > self._floor else self._floor

    def mark(self) -> int | None:
        return None if self._clock() >= self._lease_until else self._sequence

    @asynccontextmanager
    async def follow(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._follow(), name="change feed")
        try:
            yield
        finally:
            await end_task(task)
            self.invalidate()

    def renewed(self, sent: float) -> None:
        """Notes that a renewal was answered which was sent at the time `sent` of the clock."""
        self._lease_until = max(self._lease_until, sent + LEASE_SECONDS)
        self.works = True

    def changed(self, scope: str) -> None:
        """Notes a change of a tenant, or with SHARED one that can concern all."""
        self._sequence += 1
        if scope == SHARED or (len(self._last) >= MAX_TENANTS and scope not in self._last):
            self._last.clear()
            self._floor = self._sequence
        else:
            self._last[scope] = self._sequence

    def invalidate(self) -> None:
        """Ends the lease, and makes every stamp so far outdated."""
        self._lease_until = float("-inf")
        self.works = False
        self.changed(SHARED)

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async with await connect(self._url, "holdfast change feed") as connection:
                    number = await _enter(connection)
                    _log.info("change_feed_started", gateway=number)
                    failures = 0
                    await self._listen(connection, number)
            except PooledConnection:
                _log.warning(
                    "change_feed_unavailable", reason="A pooler shares sessions. Calls read the database until DATABASE_URL is direct."
                )
                failures = len(_RECONNECT_SECONDS)
            except (psycopg.Error, OSError) as error:
                if failures == 0:
                    _log.warning("change_feed_lost", reason=type(error).__name__)
                failures += 1
            finally:
                self.invalidate()
            await asyncio.sleep(_RECONNECT_SECONDS[min(failures, len(_RECONNECT_SECONDS) - 1)])

    async def _listen(self, connection: psycopg.AsyncConnection[Any], number: int) -> None:
        while True:
            sent = self._clock()
            await self._renew(connection, number)
            # What the server sent before its answer counts before the lease does.
            await self._receive(connection, 0)
            self.renewed(sent)
            while not self._nonces and (remaining := sent + RENEW_SECONDS - self._clock()) > 0:
                await self._receive(connection, remaining)

    async def _renew(self, connection: psycopg.AsyncConnection[Any], number: int) -> None:
        nonces, self._nonces = self._nonces, []
        cursor = await (connection.execute(_RENEW_AND_CONFIRM, (CONFIRMED, number, nonces)) if nonces else connection.execute(_RENEW))
        row = await cursor.fetchone()
        if row is None or row[0] != connection.info.backend_pid:
            raise PooledConnection

    async def _receive(self, connection: psycopg.AsyncConnection[Any], seconds: float) -> None:
        """Handles what arrives until the first notification, at most for `seconds`."""
        # Closed before the connection is: until then the generator holds its lock.
        async with aclosing(connection.notifies(timeout=seconds, stop_after=1)) as notifications:
            async for notification in notifications:
                if notification.channel == CHANNEL:
                    self.changed(notification.payload)
                elif len(notification.payload) <= _MAX_NONCE_LENGTH:
                    self._nonces.append(notification.payload)


async def _enter(connection: psycopg.AsyncConnection[Any]) -> int:
    """Starts listening, and becomes a gateway that revocations wait for. Returns its number."""
    await connection.execute(_IDLE_LIMIT)
    await connection.execute(f"LISTEN {CHANNEL}")
    await connection.execute(f"LISTEN {CONFIRM}")
    while True:
        number = secrets.randbits(31)
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (GATEWAYS, number))
        if await cursor.fetchone() == (True,):
            return number
