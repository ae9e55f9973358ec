"""Answers that are given again to a call with the same idempotency key, and calls that wait for one under way."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import structlog
from msgspec import Struct

from holdfast.concurrency.single_flight import SingleFlight
from holdfast.contract.execute import Envelope, ExecuteCall
from holdfast.runner.execute.idempotency_files import SharedAnswers

KEY_MAX_CHARACTERS = 1_024
_ENTRY_BYTES = 1_024
"""What a kept answer costs beside its body and headers, roughly."""

_log = structlog.get_logger(__name__)


def scope_of(call: ExecuteCall, key: str) -> bytes:
    """What one use of `key` is about, as 32 bytes: tenant, extension, install, user, method, path with query, and body.

    The same key for anything else is another key: what one tenant, user or route got is never given to another.
    """
    about, http = call.context, call.http
    parts = (
        about.tenant_id,
        about.extension_id,
        about.install_id,
        None if call.user is None else call.user.user_id,
        http.method,
        http.target,
        http.body_b64,
        key,
    )
    digest = hashlib.sha256()
    for part in parts:
        # Each part with its length before it: no two lists of parts run into the same bytes.
        encoded = b"" if part is None else part.encode("utf-8", "surrogatepass")
        digest.update(b"-" if part is None else b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.digest()


class _Kept(Struct, frozen=True):
    until: float
    size: int
    envelope: Envelope


class IdempotentAnswers:
    """Keeps the answers of guests for a time, up to a size; the oldest go first. Belongs to one event loop."""

    def __init__(
        self, *, seconds: float, max_bytes: int, shared: SharedAnswers | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`shared` is where the workers of one runner meet; without it, a key counts in this process. `now` is in seconds."""
        self._shared = shared
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._now = now
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        # A call that nobody waits for any more is cancelled: its guest would compute for no one.
        self._calls: SingleFlight[bytes, tuple[Envelope, bool]] = SingleFlight("idempotent call", cancel_abandoned=True)
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that the kept answers take, roughly."""
        return self._size

    async def once(self, scope: bytes, run: Callable[[], Awaitable[Envelope]]) -> tuple[Envelope, bool]:
        """The answer to `scope`, and whether it is one that was made for an earlier call; only if there is none, `run` makes it.

        Calls that come while one is under way wait for its answer, whatever it is. Only what a guest answered is kept: after a failure of
        the runner the same key runs again. Whoever waits may be cancelled; the call itself is when nobody waits any more.
        """
        self._expire()
        kept = self._kept.get(scope)
        if kept is not None:
            return kept.envelope, True
        joined = scope in self._calls
        envelope, known = await self._calls.run(scope, lambda: self._run_and_keep(scope, run))
        return envelope, known or joined

    async def _run_and_keep(self, scope: bytes, run: Callable[[], Awaitable[Envelope]]) -> tuple[Envelope, bool]:
        envelope, known = await self._shared_or_run(scope, run)
        if envelope.error is None:
            self._keep(scope, envelope)
        return envelope, known

    async def _shared_or_run(self, scope: bytes, run: Callable[[], Awaitable[Envelope]]) -> tuple[Envelope, bool]:
        if self._shared is None:
            return await run(), False
        async with self._shared.hold(scope) as slot:
            if slot.envelope is not None:
                return slot.envelope, True
            envelope = await run()
            if envelope.error is None:
                try:
                    self._shared.account(slot.keep(envelope))
                except OSError as error:
                    # The answer is there and goes to its caller; another worker would run the call once more.
                    _log.warning("An answer could not be kept for its idempotency key", problem=error.strerror)
            return envelope, False

    def _keep(self, scope: bytes, envelope: Envelope) -> None:
        size = _ENTRY_BYTES + len(envelope.body_b64 or b"") + 2 * sum(len(name) + len(value) for name, value in envelope.headers.items())
        if size > self._max_bytes:
            return
        self._kept[scope] = _Kept(self._now() + self._seconds, size, envelope)
        self._size += size
        while self._size > self._max_bytes:
            self._drop_oldest()

    def _expire(self) -> None:
        # All are kept equally long, so the order of arrival is the order of expiry.
        now = self._now()
        while self._kept and next(iter(self._kept.values())).until <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, kept = self._kept.popitem(last=False)
        self._size -= kept.size
