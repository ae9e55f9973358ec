"""A bounded pool of the driver's own connections.

acquire ──► an idle one, the last that was used   ──► release ──► the next in line, or idle
        ──► a new one, while there are fewer than `size`      ──► discarded when broken: its place is free
        ──► else in line, first come, first served
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_dumps, set_json_loads

from holdfast.records.database.json_text import decode_json, encode_json_for_postgres
from holdfast.records.database.postgres.text import TextDumper

PostgresConnection = psycopg.AsyncConnection[TupleRow]


class PostgresPool:
    """At most `size` connections with the driver's arguments; `prepare` are statements for a new one.

    Each commits every statement unless a transaction was begun.
    """

    def __init__(self, arguments: Mapping[str, Any], *, size: int, prepare: Sequence[LiteralString] = ()) -> None:
        self._arguments = arguments
        self._prepare = prepare
        self._free = size
        self._idle: list[PostgresConnection] = []
        self._line: deque[asyncio.Future[PostgresConnection | None]] = deque()

    async def acquire(self, *, fresh: bool = False) -> PostgresConnection:
        """A connection that no one else uses; a new one on request. Raises psycopg.OperationalError when the server is unreachable."""
        if fresh:
            await self.discard_idle()
        while self._idle:
            connection = self._idle.pop()
            if not _has_news(connection):
                return connection
            self._free += 1
            await connection.close()
        if self._free > 0:
            self._free -= 1
            return await self._connect()
        passed_on = await self._wait_in_line()
        return passed_on if passed_on is not None else await self._connect()

    async def _wait_in_line(self) -> PostgresConnection | None:
        place: asyncio.Future[PostgresConnection | None] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._pass_on(place.result())
            raise

    def release(self, connection: PostgresConnection) -> None:
        """Gives a connection back, which is in no transaction."""
        self._pass_on(connection)

    async def discard(self, connection: PostgresConnection) -> None:
        """Closes an acquired connection; another may be opened in its place."""
        self._pass_on(None)
        await connection.close()

    async def discard_idle(self) -> None:
        """Closes the idle connections: the server ended one of them, so it probably ended all."""
        idle, self._idle = self._idle, []
        self._free += len(idle)
        for connection in idle:
            await connection.close()

    async def _connect(self) -> PostgresConnection:
        try:
            connection = await psycopg.AsyncConnection.connect(**self._arguments, autocommit=True)
            for statement in self._prepare:
                await connection.execute(statement)
        except BaseException:
            self._pass_on(None)
            raise
        connection.adapters.register_dumper(str, TextDumper)
        set_json_dumps(encode_json_for_postgres, connection)
        set_json_loads(decode_json, connection)
        return connection

    def _pass_on(self, connection: PostgresConnection | None) -> None:
        """Hands a connection, or the right to open one (None), to the next in line."""
        while self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_result(connection)
                return
        if connection is None:
            self._free += 1
        else:
            self._idle.append(connection)


def _has_news(connection: PostgresConnection) -> bool:
    """Whether the server sent something unasked on an idle connection: usually, that it ends it."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
