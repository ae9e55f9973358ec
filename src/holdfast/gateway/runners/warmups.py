"""Bundles that runners prepare: fetched from the store and compiled, before their first call or while it waits.

    wait_until_prepared ──▶ is a request for this bundle on the way to this runner? ──yes──▶ join it
                                   │ no
                                   ▼
              POST /warmup, again while the runner says 202 ──▶ ready, or failed: every caller that waits gets it

A caller that leaves changes nothing: the next call of the bundle finds it further. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto

import structlog
from msgspec import Struct

from holdfast.concurrency.single_flight import SingleFlight
from holdfast.gateway.runners.runner import Runner
from holdfast.http.client import ClientError

WAIT_MS = 20_000
"""How long one request to the runner waits; then it is sent again."""
MAX_SECONDS = 900.0
"""Compiling ends after 180 seconds and may have to wait for others. After this time the next call asks again."""
AT_ONCE = 4
"""Requests for bundles for which no call waits. The runner has its own limit."""
MAX_WAITING = 2_000
_GRACE_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class Bundle(Struct, frozen=True):
    """A tenant's copy of a bundle: `content_hash` is `sha256:` and 64 hexadecimal digits, `extension_id` the registry id."""

    tenant_id: str
    extension_id: str
    content_hash: str


class Prepared(Enum):
    """How far a bundle is."""

    READY = auto()
    NOT_YET = auto()
    FAILED = auto()
    """The runner could not prepare it, or has no such request. A call will say why."""


class Warmups:
    """The preparations that this gateway has asked for."""

    def __init__(self) -> None:
        self._flights: SingleFlight[tuple[str, Bundle], Prepared] = SingleFlight("prepare a bundle")
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._background: set[asyncio.Task[object]] = set()

    async def wait_until_prepared(self, runner: Runner, bundle: Bundle, seconds: float) -> Prepared:
        """Has the runner prepare the bundle, and waits for that, `seconds` at most."""
        try:
            async with asyncio.timeout(seconds):
                return await self._flights.run((runner.base_url, bundle), lambda: _prepare(runner, bundle))
        except TimeoutError:
            return Prepared.NOT_YET

    def start(self, runner: Runner, bundle: Bundle) -> None:
        """Has the runner prepare the bundle, without waiting. Does nothing when too many wait already: the first call will do it."""
        if len(self._background) >= MAX_WAITING or (runner.base_url, bundle) in self._flights:
            return
        task = asyncio.get_running_loop().create_task(self._run_in_background(runner, bundle), name="prepare a bundle")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Stops waiting. The runners go on with what they have begun."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._flights.close()

    async def _run_in_background(self, runner: Runner, bundle: Bundle) -> None:
        async with self._slots:
            result = await self._flights.run((runner.base_url, bundle), lambda: _prepare(runner, bundle))
        fields = {"extension": bundle.extension_id, "content_hash": bundle.content_hash}
        _log.info("preparation of a bundle ended", runner=runner.name, state=result.name.lower(), **fields)


async def _prepare(runner: Runner, bundle: Bundle) -> Prepared:
    place = {"tenant_id": bundle.tenant_id, "extension_id": bundle.extension_id, "content_hash": bundle.content_hash}
    loop = asyncio.get_running_loop()
    end = loop.time() + MAX_SECONDS
    try:
        while loop.time() < end:
            status = await runner.prepare(place, wait_ms=WAIT_MS, seconds=WAIT_MS / 1_000 + _GRACE_SECONDS)
            if status != 202:
                return _RESULTS.get(status, Prepared.FAILED)
    except (ClientError, TimeoutError):
        return Prepared.FAILED
    return Prepared.NOT_YET


_RESULTS = {200: Prepared.READY, 429: Prepared.NOT_YET}
