"""Rate limits of calls in Redis, for several gateways. One script counts a call in both its buckets, in one round trip.

    responding ──(a command fails or takes too long)──► down: calls use the local limits, or are refused; one probe a second
        ▲                                                  │
        └────────────────(the probe succeeds)──────────────┘

The buckets have the keys and the format of the existing platform (`{"tokens": …, "lastRefillMs": …}`, milliseconds since the epoch). The
time is that of the Redis server, so that the clocks of gateways need not agree. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha1
from typing import Any

import structlog
from redis.exceptions import NoScriptError

from holdfast.events.redis.server import FAILURES, RedisServer, reason
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.limits.call_rates import CallRateLimits, CallRates, Scope, allow
from holdfast.http.token_bucket import Decision, Rate

KEY_PREFIX = "alga-psa:ratelimit:bucket:"
MIN_EXPIRY_SECONDS = 3_600
CONNECTIONS = 32
PROBE_SECONDS = 1.0

_log = structlog.get_logger(__name__)

# ARGV has capacity, tokens a second and expiry of each key. The result is 1 or 0 (allowed or not), then the tokens left in each bucket; -1
# is a bucket that could not be read. Such a bucket is deleted and its call denied, and so is one that was refilled in the future: both
# would otherwise stay wrong. A second of the future is the difference between the clocks of the platform and of Redis.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left, allowed = {}, 1
for i, key in ipairs(KEYS) do
  local capacity, rate = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local stored = redis.pcall('GET', key)
  left[i] = capacity
  if stored then
    local readable, bucket = false, nil
    if type(stored) == 'string' then readable, bucket = pcall(cjson.decode, stored) end
    local tokens = readable and type(bucket) == 'table' and type(bucket.tokens) == 'number' and bucket.tokens
    local refilled = readable and type(bucket) == 'table' and type(bucket.lastRefillMs) == 'number' and bucket.lastRefillMs
    if not tokens or tokens ~= tokens or tokens < 0 or not refilled or refilled > now + 1000 then
      redis.call('DEL', key)
      left[i] = -1
    else
      left[i] = math.min(capacity, tokens + math.max(0, now - refilled) / 1000 * rate)
    end
  end
  if left[i] < 0.999999 then allowed = 0 end
end
local result = {allowed}
for i, key in ipairs(KEYS) do
  if left[i] >= 0 then
    if allowed == 1 then left[i] = math.max(0, left[i] - 1) end
    local bucket = string.format('{"tokens":%.6f,"lastRefillMs":%.0f}', left[i], now)
    redis.call('SET', key, bucket, 'EX', ARGV[3 * i])
  end
  result[i + 1] = string.format('%.6f', left[i])
end
return result
"""
_SCRIPT_SHA = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


class RedisCallRateLimits:
    """Counts the calls of all gateways that use one Redis. `local` decides while Redis does not respond; None refuses calls then."""

    def __init__(
        self, rates: CallRates, server: RedisServer, *, local: CallRateLimits | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Does not connect. `clock` returns seconds and never goes back."""
        self._staff = _Limits("extension-gateway", rates.extension_staff, "extension-gateway-user", rates.user_staff)
        self._clients = _Limits("extension-gateway-clients", rates.extension_clients, "extension-gateway-client-user", rates.user_clients)
        self._server = server
        self._client = server.client(connections=CONNECTIONS)
        # The client raises an error when all its connections are in use: wait for one instead.
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._local = local
        self._clock = clock
        self._next_probe: float | None = None

    @property
    def is_down(self) -> bool:
        """Whether Redis did not respond to the last attempt."""
        return self._next_probe is not None

    async def acquire(self, tenant_id: str, registry_id: str, user_id: str, *, is_client: bool) -> Decision | None:
        """Counts a call if both its limits allow it, see `CallRateLimits`."""
        limits = self._clients if is_client else self._staff
        if not limits:
            return None
        if not self._must_wait_for_probe():
            try:
                reply = await self._run(limits.keys(tenant_id, registry_id, user_id), limits.arguments)
            except FAILURES as failure:
                self._report_down(failure)
            else:
                self._report_up()
                return limits.decision(reply)
        if self._local is None:
            raise GatewayError(
                "access_policy_unavailable", "The rate limit of this call cannot be checked: Redis does not respond.", hint="Try again."
            )
        return await self._local.acquire(tenant_id, registry_id, user_id, is_client=is_client)

    async def close(self) -> None:
        with suppress(*FAILURES):
            await self._client.aclose()
        if self._local is not None:
            await self._local.close()

    async def _run(self, keys: list[str], arguments: list[str]) -> list[Any]:
        async with self._free:
            try:
                reply = await self._client.evalsha(_SCRIPT_SHA, len(keys), *keys, *arguments)
            except NoScriptError:
                # The first call, or a Redis that was restarted. From now on it knows the script.
                reply = await self._client.eval(_SCRIPT, len(keys), *keys, *arguments)
        return list(reply)

    def _must_wait_for_probe(self) -> bool:
        if self._next_probe is None:
            return False
        if self._clock() < self._next_probe:
            return True
        # This call probes; until it is answered the others do not wait for a Redis that may hang.
        self._next_probe = self._clock() + PROBE_SECONDS
        return False

    def _report_down(self, failure: BaseException) -> None:
        if self._next_probe is None:
            mode = "refuse" if self._local is None else "local"
            _log.warning("rate_limit_redis_down", address=str(self._server), reason=reason(failure), calls=mode)
        self._next_probe = self._clock() + PROBE_SECONDS

    def _report_up(self) -> None:
        if self._next_probe is not None:
            _log.info("rate_limit_redis_up", address=str(self._server))
            self._next_probe = None


class _Limits:
    """The two limits of one kind of user: their names in Redis, their rates, and what a reply means."""

    def __init__(self, extension_name: str, extension: Rate | None, user_name: str, user: Rate | None) -> None:
        both: tuple[tuple[Scope, str, Rate | None], ...] = (("extension", extension_name, extension), ("user", user_name, user))
        self._limits = [(scope, name, rate) for scope, name, rate in both if rate is not None]
        self.arguments = [text for _, _, rate in self._limits for text in _arguments(rate)]

    def __bool__(self) -> bool:
        """Whether anything is limited."""
        return bool(self._limits)

    def keys(self, tenant_id: str, registry_id: str, user_id: str) -> list[str]:
        subjects: dict[Scope, str] = {"extension": registry_id, "user": user_id}
        return [f"{KEY_PREFIX}{name}:{tenant_id}:{subjects[scope]}" for scope, name, _ in self._limits]

    def decision(self, reply: list[Any]) -> Decision:
        """The state of the limit with fewer tokens left. Raises RateLimited."""
        allowed = reply[0] == 1
        tokens = [float(text) for text in reply[1:]]
        least = min(range(len(tokens)), key=tokens.__getitem__)
        (scope, _, rate), left = self._limits[least], tokens[least]
        capacity = int(rate.capacity)
        if left < 0:
            return allow(Decision(False, 1, capacity, 0, 1), scope)
        reset = math.ceil((rate.capacity - left) / rate.refill_per_second)
        if allowed:
            return Decision(True, 0, capacity, int(left), reset)
        return allow(Decision(False, max(1, math.ceil((1 - left) / rate.refill_per_second)), capacity, 0, reset), scope)


def _arguments(rate: Rate) -> tuple[str, str, str]:
    # It stays at least until it is full: expiring earlier would fill a bucket that a slow rate has not filled.
    expiry = max(MIN_EXPIRY_SECONDS, math.ceil(rate.capacity / rate.refill_per_second))
    return f"{rate.capacity:.6f}", f"{rate.refill_per_second:.9f}", str(expiry)
