"""Debug events in an SQLite file that the gateway processes of one machine share.

    publish ─► BatchingSink ─► a thread: a transaction for each batch ─► the file ─► each process looks for new ids ─► readers

A killed process loses what it had not written yet; nothing survives the machine, so commits are not synchronized. Ids are given under the
file's write lock: a reader that has seen an id has seen, or can read, every smaller one. Readers never wait for writers (write-ahead log).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from holdfast.contract.debug_event import DebugEvent
from holdfast.events.delivery.batching_sink import DeliveryFailed, DeliveryRejected
from holdfast.events.model.store import StreamKey
from holdfast.events.model.stream import Entry, StreamUnavailable

MAX_EVENTS = 2_000
"""Stored events of one stream."""
MAX_BYTES = 256 * 1024 * 1024
"""Size of all streams together; above it, the oldest events are removed."""
POLL_SECONDS = 0.1
BUSY_SECONDS = 10.0

_CREATE = (
    "CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, event BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS events_stream ON events (stream, id)",
)
_DECODER = msgspec.json.Decoder(DebugEvent)
_REMOVED_AT_ONCE = 1_000


class EventFileTransport:
    """Writes batches to the file; a `Transport` for `BatchingSink`."""

    name = "the gateway"

    def __init__(self, path: Path, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        """Creates the file if it is missing. Raises OSError, sqlite3.Error."""
        self.address = "the file of debug events"
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._connection = _open(path)
        with _writing(self._connection):
            for statement in _CREATE:
                self._connection.execute(statement)
            # Ids that increase over restarts too: a page that is still open continues from the id that it has.
            first = time.time_ns() // 1_000
            self._connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'events', ? WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence)", (first,)
            )

    async def send(self, events: list[DebugEvent]) -> None:
        """Writes a batch in a thread. Raises DeliveryFailed, DeliveryRejected."""
        try:
            await asyncio.to_thread(self._write, events)
        except sqlite3.Error as error:
            raise DeliveryFailed(type(error).__name__) from None

    async def close(self) -> None:
        self._connection.close()

    def _write(self, events: Sequence[DebugEvent]) -> None:
        rows = [(_name((event.tenant_id.lower(), event.extension_id.lower())), _encode(event)) for event in events]
        with _writing(self._connection):
            self._connection.executemany("INSERT INTO events (stream, event) VALUES (?, ?)", rows)
            for name in {name for name, _ in rows}:
                self._connection.execute(
                    "DELETE FROM events WHERE stream = ?1 AND id <= "
                    "(SELECT id FROM events WHERE stream = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                    (name, self._max_events),
                )
        while self._used_bytes() > self._max_bytes:
            with _writing(self._connection):
                self._connection.execute("DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?)", (_REMOVED_AT_ONCE,))

    def _used_bytes(self) -> int:
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


class EventFile:
    """An `EventStore` in the file, which an `EventFileTransport` has created. Ids are numbers that increase over all streams.

    Reads in the event loop's thread: a read takes microseconds and waits for no writer.
    """

    def __init__(self, path: Path, *, poll_seconds: float = POLL_SECONDS) -> None:
        """`poll_seconds` is how often the file is checked for new events while there are readers."""
        self._connection = _open(path)
        self._connection.execute("PRAGMA query_only=ON")
        self._poll_seconds = poll_seconds

    def is_id(self, text: str) -> bool:
        """Whether `text` is a number that can be an id, or `0`."""
        return text.isascii() and text.isdecimal() and len(text) <= 18

    def order_of(self, event_id: str) -> tuple[int, ...]:
        """The number."""
        return (int(event_id),)

    async def tail(self, key: StreamKey, count: int) -> list[Entry]:
        """The last `count` events of one stream, oldest first. Raises StreamUnavailable."""
        return self._read("SELECT id, event FROM events WHERE stream = ? ORDER BY id DESC LIMIT ?", _name(key), count)[::-1]

    async def read_from(self, key: StreamKey, event_id: str, count: int) -> list[Entry]:
        """The event with this id, and at most `count` after it. Raises StreamUnavailable."""
        query = "SELECT id, event FROM events WHERE stream = ? AND id >= ? ORDER BY id LIMIT ?"
        return self._read(query, _name(key), int(event_id), count + 1)

    async def wait(self, positions: Mapping[StreamKey, str]) -> Collection[StreamKey]:
        """Waits for events of any of these streams. Raises StreamUnavailable."""
        seen = None
        while True:
            # The number changes when another connection has committed: without that, there is nothing to look for.
            version = self._execute("PRAGMA data_version")[0]
            if version != seen:
                seen = version
                query = "SELECT 1 FROM events WHERE stream = ? AND id > ? LIMIT 1"
                if found := [key for key, position in positions.items() if self._execute(query, _name(key), int(position))]:
                    return found
            await asyncio.sleep(self._poll_seconds)

    async def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _read(self, query: str, *values: object) -> list[Entry]:
        return [(str(event_id), _DECODER.decode(event)) for event_id, event in self._execute(query, *values)]

    def _execute(self, query: str, *values: object) -> list[tuple[int, bytes]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StreamUnavailable(
                f"The debug stream cannot be read: its file is unusable ({type(error).__name__}).", hint="Restart the gateway."
            ) from error


def _open(path: Path) -> sqlite3.Connection:
    # Created here, because SQLite would let others read it. A file that exists is not opened: to close it would release the locks that
    # other connections of this process hold on it, as POSIX locks belong to the process, and another process could then remove the log.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    # Batches are written by whichever thread is free, one after the other.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    return connection


@contextlib.contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _name(key: StreamKey) -> str:
    return "\x1f".join(key)


def _encode(event: DebugEvent) -> bytes:
    try:
        return msgspec.json.encode(event)
    except UnicodeEncodeError:
        # A lone surrogate, which JSON cannot express. Such a batch must not block the ones after it.
        raise DeliveryRejected("it cannot be encoded") from None
