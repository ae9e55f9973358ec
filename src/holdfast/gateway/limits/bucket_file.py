"""Token buckets in a file that the gateway processes of one machine map into their memory.

    header (64 bytes: format, hash key) │ set 0: 8 slots │ set 1: 8 slots │ ...        slot: digest of the key (16 bytes), full_at (8)

    acquire ── the set of the key ── lock its byte ─┬─ acquired ──────────────────────────► find or choose a slot, write, unlock
                                                    └─ busy for 50 ms (its owner stopped) ──► the same without the lock

The kernel releases the lock of a process that dies. Locks are held for microseconds, so a process that still holds one after that time was
suspended there: to go on without the lock counts a request too few at worst, to wait would stop every gateway process. For the next second
no one waits for a lock again. Locks do not exclude threads of one process: only the event loop's thread uses a file.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import struct
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from hashlib import blake2b
from itertools import count
from pathlib import Path

from holdfast.http.token_bucket import Decision, Rate, acquire_token, refund_token

_FORMAT = b"holdfast-buckets-1"
_HEADER = struct.Struct("32s32s")
_SLOT = struct.Struct("16sd")
_UNPACK_SLOT = _SLOT.unpack_from
_SLOTS_PER_SET = 8
_SET_BYTES = _SLOT.size * _SLOTS_PER_SET
_SETS = 8_192
_FILE_BYTES = _HEADER.size + _SETS * _SET_BYTES
_SPINS = 20
_PAUSE_SECONDS = 0.000_2
_IMPATIENT_SECONDS = 1.0
_EMPTY = bytes(16)
_LOCK_NOW = fcntl.LOCK_EX | fcntl.LOCK_NB


class BucketFile:
    """65,536 buckets in 1.5 MiB, of any number of rates. Close it after the `FileBuckets` that use it.

    Where eight buckets of one set are in use, a ninth one replaces the one that is full first: that allows a few requests too many at worst
    and never denies one. Which keys share a set depends on a random number in the file, so that callers cannot choose whom they replace.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic, lock_seconds: float = 0.05) -> None:
        """Opens or creates the file. `clock` returns seconds that all processes of the machine share, and never goes back. `lock_seconds`
        is the longest wait for another process."""
        self.clock = clock
        self._lock_seconds = lock_seconds
        self._impatient_until = 0.0
        self._descriptor = _open_or_create(path)
        self._map = mmap.mmap(self._descriptor, _FILE_BYTES)
        self._hash_key = _HEADER.unpack_from(self._map)[1]

    def change(self, name: str, compute: Callable[[float], tuple[Decision, float]]) -> Decision:
        """Replaces `full_at` of the bucket with what `compute` returns for it, and returns the decision. A new bucket has 0."""
        # Every call runs this twice, so it is written out: a context manager would cost as much as the lock.
        digest = blake2b(name.encode(), digest_size=16, key=self._hash_key).digest()
        index = int.from_bytes(digest[:4]) % _SETS
        held = self._try_lock(index)
        try:
            offset, full_at = self._find(_HEADER.size + index * _SET_BYTES, digest)
            decision, full_at = compute(full_at)
            _SLOT.pack_into(self._map, offset, digest, full_at)
        finally:
            if held:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, index)
        return decision

    def close(self) -> None:
        """Unmaps and closes the file, which stays."""
        self._map.close()
        os.close(self._descriptor)

    def _find(self, start: int, digest: bytes) -> tuple[int, float]:
        """The place and value of the slot with this digest, or of the one to replace, whose value then is 0."""
        oldest, oldest_full_at = start, float("inf")
        for offset in range(start, start + _SET_BYTES, _SLOT.size):
            found, full_at = _UNPACK_SLOT(self._map, offset)
            if found == digest:
                return offset, full_at
            if found == _EMPTY:
                return offset, 0.0
            if full_at < oldest_full_at:
                oldest, oldest_full_at = offset, full_at
        return oldest, 0.0

    def _try_lock(self, index: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, _LOCK_NOW, 1, index)
        except (BlockingIOError, PermissionError):
            return self._wait_for_lock(index)
        return True

    def _wait_for_lock(self, index: int) -> bool:
        deadline = 0.0
        for attempt in count():
            with suppress(BlockingIOError, PermissionError):
                fcntl.lockf(self._descriptor, _LOCK_NOW, 1, index)
                return True
            now = time.monotonic()
            deadline = deadline or now + self._lock_seconds
            if now < self._impatient_until:
                break
            if now >= deadline:
                self._impatient_until = now + _IMPATIENT_SECONDS
                break
            time.sleep(0 if attempt < _SPINS else _PAUSE_SECONDS)
        return False


class FileBuckets:
    """The `Buckets` of several processes, in a `BucketFile`. `name` separates them from others in the same file."""

    def __init__(self, file: BucketFile, name: str, rate: Rate) -> None:
        self._file = file
        self._name = name
        self._rate = rate

    def acquire(self, key: Hashable) -> Decision:
        """Takes a token if there is one."""
        return self._change(key, lambda full_at, now: acquire_token(self._rate, full_at, now))

    def peek(self, key: Hashable) -> Decision:
        """What `acquire` would decide; takes no token."""
        return self._change(key, lambda full_at, now: (acquire_token(self._rate, full_at, now)[0], full_at))

    def refund(self, key: Hashable) -> None:
        """Returns a token that `acquire` took, for a request that should not count after all."""
        self._change(key, lambda full_at, _: (_REFUNDED, refund_token(self._rate, full_at)))

    def reset(self, key: Hashable) -> None:
        """Fills the bucket of the key."""
        self._change(key, lambda full_at, _: (_REFUNDED, 0.0))

    def _change(self, key: Hashable, compute: Callable[[float, float], tuple[Decision, float]]) -> Decision:
        now = self._file.clock()
        # A time further ahead than an empty bucket needs to fill is from before a restart of the machine, or damage: the bucket is full.
        latest = now + self._rate.capacity / self._rate.refill_per_second + 1
        return self._file.change(f"{self._name}\x1f{key!r}", lambda full_at: compute(full_at if 0.0 <= full_at <= latest else 0.0, now))


_REFUNDED = Decision(True)


def _open_or_create(path: Path) -> int:
    while True:
        with suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            if os.fstat(descriptor).st_size == _FILE_BYTES and os.pread(descriptor, len(_FORMAT), 0) == _FORMAT:
                return descriptor
            os.close(descriptor)
            # Another version of Holdfast made it, or a process was killed while it created it.
            path.unlink(missing_ok=True)
        _create(path)


def _create(path: Path) -> None:
    # Complete before it has its name: another process must never map a file without its random number.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(descriptor, _FILE_BYTES)
        os.pwrite(descriptor, _HEADER.pack(_FORMAT, secrets.token_bytes(32)), 0)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.close(descriptor)
        draft.unlink()
