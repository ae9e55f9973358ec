"""Responses that are repeated for calls with the same idempotency key, and calls that wait for one that runs.

call with key ──▶ stored response? ──yes──▶ repeat it
                        │ no
                        ▼
                  running here? ──yes──▶ wait for its response (SingleFlight)
                        │ no
                        ▼
                  hold the file of the key, if workers share responses ──▶ response in it? ──yes──▶ repeat it
                                                                                 │ no
                                                                                 ▼
                                                                      run ──▶ store, unless the runner failed
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable

import structlog
from cachetools import TTLCache

from holdfast.concurrency.single_flight import SingleFlight
from holdfast.contract.execute import Envelope, ExecuteCall
from holdfast.runner.execute.idempotency_files import SharedResponses

KEY_MAX_CHARACTERS = 1_024
_KEY = "x-idempotency-key"
_ENTRY_BYTES = 1_024
"""What a stored response costs in addition to its body and headers, roughly."""

_log = structlog.get_logger(__name__)


def idempotency_scope(call: ExecuteCall, body: bytes | None, key: str) -> bytes:
    """The scope of one use of `key`, as 32 bytes: tenant, extension, install, user, method, path with query, and body.

    In another scope the same key is another key: the response to one tenant, user or route is never repeated to another.
    """
    context, http = call.context, call.http
    parts = (
        context.tenant_id,
        context.extension_id,
        context.install_id,
        None if call.user is None else call.user.user_id,
        http.method,
        http.target,
        body,
        key,
    )
    digest = hashlib.sha256()
    for part in parts:
        # Each part with its length before it: no two lists of parts run into the same bytes.
        encoded = b"" if part is None else part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        digest.update(b"-" if part is None else b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.digest()


def repeatable_as(call: ExecuteCall, key: str | None) -> tuple[str, ...]:
    """What identifies a call whenever it is repeated: user or trigger, method, path and key; empty without a key.

    The key is that of the guest's request: of all attempts of a scheduled call it is the same, while the runner's own `key`, which counts
    without the other, is that of one attempt. The body is left out: what is created with the same key must be the same.
    """
    headers = call.http.headers
    given = headers.get(_KEY) if isinstance(headers, dict) else next((value for name, value in headers if name == _KEY), None)
    key = given if isinstance(given, str) and given else key
    if not key:
        return ()
    user_id = "" if call.user is None else call.user.user_id
    return (user_id, call.context.trigger or "", call.http.method, call.http.path, key)


class IdempotentCalls:
    """Stores the responses of guests for a time, up to a size; the oldest are dropped first. Belongs to one event loop."""

    def __init__(
        self, *, seconds: float, max_bytes: int, shared: SharedResponses | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`shared` holds the responses that the workers of one runner share; without it, keys count per process. `now` is in seconds."""
        self._shared = shared
        self._max_bytes = max_bytes
        self._stored: TTLCache[bytes, Envelope] = TTLCache(max_bytes, seconds, timer=now, getsizeof=_size)
        # A run that no call waits for any more is cancelled: its guest would compute in vain.
        self._calls: SingleFlight[bytes, tuple[Envelope, bool]] = SingleFlight("idempotent call", cancel_abandoned=True)

    @property
    def size(self) -> int:
        """Bytes that the stored responses take, roughly."""
        return int(self._stored.currsize)

    async def run_once(self, scope: bytes, run: Callable[[], Awaitable[Envelope]]) -> tuple[Envelope, bool]:
        """The response of `scope`, and whether it is repeated from another call; `run` runs only without one.

        Calls that arrive while one runs wait for its response. Only responses of guests are stored: after a failure of the
        runner the same key runs again. A waiting call may be cancelled; the run itself is cancelled when no call waits any more.
        """
        stored: Envelope | None = self._stored.get(scope)
        if stored is not None:
            return stored, True
        joined = scope in self._calls
        envelope, known = await self._calls.run(scope, lambda: self._run_and_store(scope, run))
        return envelope, known or joined

    async def _run_and_store(self, scope: bytes, run: Callable[[], Awaitable[Envelope]]) -> tuple[Envelope, bool]:
        envelope, known = await self._shared_or_run(scope, run)
        if envelope.error is None:
            self._store(scope, envelope)
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
                    self._shared.record_size(slot.store(envelope))
                except OSError as error:
                    # The caller still gets the response; another worker would run the call again.
                    _log.warning("A response could not be stored for its idempotency key", problem=error.strerror)
            return envelope, False

    def _store(self, scope: bytes, envelope: Envelope) -> None:
        # TTLCache raises for an entry that is larger than all of it.
        if _size(envelope) <= self._max_bytes:
            self._stored[scope] = envelope


def _size(envelope: Envelope) -> int:
    """Bytes that a stored response takes, roughly."""
    headers = sum(len(name) + sum(map(len, [value] if isinstance(value, str) else value)) for name, value in envelope.headers.items())
    return _ENTRY_BYTES + len(envelope.body_b64 or b"") + 2 * headers
