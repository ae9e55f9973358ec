"""Checkpoints: copying the write-ahead log into the database file, in a thread, so that no commit has to.

              every 512 commits, or the log
              grew beyond its known length
    (nothing) ────────────────────────────► copy, while others write
        ▲                                          │          │
        │ there was a pause: the next commit       │          │ the log grew all the same:
        │ starts the log again                      │          │ commits came faster
        ├──────────────────────────────────────────┘          ▼
        └──────────────────────────────────────── copy the rest under the write lock,
                                                  beyond 64 MiB also shorten the file

The second copy is short, because the first one left little. A reader that stays in an old state keeps the log from being reused; the next
checkpoint tries again.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3

import structlog

from holdfast.records.database.sqlite.connection import file_address
from holdfast.records.database.sqlite.write_lock import WriteLock

CHECKPOINT_COMMITS = 512
SOFT_LIMIT_BYTES = 16 * 1024 * 1024
HARD_LIMIT_BYTES = 64 * 1024 * 1024
_LOOK_COMMITS = 32

_log = structlog.get_logger(__name__)


class Checkpointer:
    """Keeps the write-ahead log of one database file short."""

    def __init__(self, file: str, lock: WriteLock) -> None:
        self._file = file
        self._lock = lock
        self._commits = 0
        self._known_bytes = SOFT_LIMIT_BYTES
        self._task: asyncio.Task[None] | None = None

    def committed(self) -> None:
        """Counts a commit, and starts a checkpoint in the background when one is due."""
        self._commits += 1
        if self._commits % _LOOK_COMMITS == 0 and self._task is None and self._is_due():
            self._commits = 0
            self._task = asyncio.get_running_loop().create_task(self._checkpoint())

    async def close(self) -> None:
        """Waits for a checkpoint that runs."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _is_due(self) -> bool:
        return self._commits >= CHECKPOINT_COMMITS or self._log_bytes() > self._known_bytes

    def _log_bytes(self) -> int:
        try:
            return os.stat(f"{self._file}-wal").st_size  # noqa: PTH116  called on the event loop: a Path would double its time
        except OSError:
            return 0

    async def _checkpoint(self) -> None:
        try:
            await asyncio.to_thread(self._copy, "PASSIVE")
            if self._log_bytes() > self._known_bytes:
                async with self._lock.turn():
                    await asyncio.to_thread(self._copy, "TRUNCATE" if self._log_bytes() > HARD_LIMIT_BYTES else "PASSIVE")
        except Exception as error:
            _log.warning("database_checkpoint_failed", error=str(error))
        finally:
            # A log that was copied is written again from its start, without becoming shorter.
            self._known_bytes = max(SOFT_LIMIT_BYTES, self._log_bytes())
            self._task = None

    def _copy(self, mode: str) -> None:
        connection = self._connect()
        try:
            connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: a file that was removed is not created again.
        return sqlite3.connect(file_address(self._file), uri=True, isolation_level=None, timeout=1.0)
