"""Rate limits in a real Redis: the format of the existing platform, several gateways, and a Redis that is damaged, down or hanging."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.typing import EventDict

from holdfast.events.redis.server import RedisServer
from holdfast.gateway.http.errors import GatewayError, RateLimited
from holdfast.gateway.limits.call_rates import CallRateLimits, CallRates, LocalCallRateLimits
from holdfast.gateway.limits.redis_rates import RedisCallRateLimits
from holdfast.http.token_bucket import Rate, TokenBuckets
from tests.events.redis_process import RedisProcess, redis_process
from tests.gateway.platform import platform as running_platform

EXTENSION_KEY = "alga-psa:ratelimit:bucket:extension-gateway:t:e"
USER_KEY = "alga-psa:ratelimit:bucket:extension-gateway-user:t:u"
SLOW = 0.001


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def local(rates: CallRates) -> LocalCallRateLimits:
    return LocalCallRateLimits(
        rates,
        lambda _, rate: TokenBuckets(capacity=rate.capacity, refill_per_second=rate.refill_per_second, clock=lambda: 0.0),
    )


@asynccontextmanager
async def limits_in(
    redis: RedisProcess,
    *,
    extension: Rate | None = None,
    user: Rate | None = None,
    refuse: bool = False,
    timeout: float = 30.0,
    clock: Callable[[], float] = lambda: 0.0,
) -> AsyncIterator[RedisCallRateLimits]:
    """The limits of internal users; those of client users are off."""
    rates = CallRates(extension_staff=extension, user_staff=user, extension_clients=None, user_clients=None)
    server = RedisServer(redis.url, timeout=timeout)
    limits = RedisCallRateLimits(rates, server, local=None if refuse else local(rates), clock=clock)
    try:
        yield limits
    finally:
        await limits.close()


async def acquire(limits: CallRateLimits, *, extension: str = "e", user: str = "u") -> int | str:
    """What is left, or which limit denied the call."""
    try:
        decision = await limits.acquire("t", extension, user, is_client=False)
    except RateLimited as denied:
        return str(denied.details["limit"])
    assert decision is not None
    return decision.remaining


async def test_a_bucket_has_the_key_format_and_expiry_of_the_existing_platform(redis: RedisProcess) -> None:
    async with limits_in(redis, extension=Rate(60, 1), user=Rate(10, 1)) as limits:
        before = time.time() * 1_000
        assert await acquire(limits) == 9
    with redis.client() as client:
        assert sorted(client.keys("*")) == sorted([EXTENSION_KEY, USER_KEY])
        bucket = json.loads(str(client.get(EXTENSION_KEY)))
        assert bucket.keys() == {"tokens", "lastRefillMs"}
        assert bucket["tokens"] == 59
        assert abs(bucket["lastRefillMs"] - before) < 600_000
        assert 3_500 < int(str(client.ttl(EXTENSION_KEY))) <= 3_600


async def test_a_bucket_that_fills_slowly_stays_until_it_is_full(redis: RedisProcess) -> None:
    async with limits_in(redis, extension=Rate(60, SLOW)) as limits:
        await acquire(limits)
    with redis.client() as client:
        assert int(str(client.ttl(EXTENSION_KEY))) > 50_000


async def test_a_bucket_of_the_existing_platform_is_continued(redis: RedisProcess) -> None:
    now = int(time.time() * 1_000)
    with redis.client() as client:
        client.set(EXTENSION_KEY, json.dumps({"tokens": 1.5, "lastRefillMs": now}))
    async with limits_in(redis, extension=Rate(60, SLOW)) as limits:
        assert [await acquire(limits), await acquire(limits)] == [0, "extension"]


async def test_a_bucket_refills_with_the_time_of_redis(redis: RedisProcess) -> None:
    with redis.client() as client:
        client.set(EXTENSION_KEY, json.dumps({"tokens": 0, "lastRefillMs": int(time.time() * 1_000) - 50_000}))
        client.set(EXTENSION_KEY.replace(":e", ":f"), json.dumps({"tokens": 0, "lastRefillMs": 1}))
    async with limits_in(redis, extension=Rate(10, 0.1)) as limits:
        assert 3 <= int(await acquire(limits)) <= 9
        assert await acquire(limits, extension="f") == 9


@pytest.mark.parametrize(
    "value",
    ["", "no json", "[]", "{}", '{"tokens":1}', '{"tokens":"5","lastRefillMs":1}', '{"tokens":-1,"lastRefillMs":1}', '{"tokens":5}', "7"],
)
async def test_a_bucket_that_cannot_be_read_denies_one_call_and_is_deleted(redis: RedisProcess, value: str) -> None:
    with redis.client() as client:
        client.set(EXTENSION_KEY, value)
        async with limits_in(redis, extension=Rate(60, SLOW)) as limits:
            with pytest.raises(RateLimited) as denied:
                await limits.acquire("t", "e", "u", is_client=False)
            assert denied.value.retry_after_seconds == 1
            assert client.get(EXTENSION_KEY) is None
            assert await acquire(limits) == 59


async def test_a_key_of_another_type_denies_one_call_and_is_deleted(redis: RedisProcess) -> None:
    with redis.client() as client:
        client.rpush(EXTENSION_KEY, "a list")
    async with limits_in(redis, extension=Rate(60, SLOW)) as limits:
        assert [await acquire(limits), await acquire(limits)] == ["extension", 59]


async def test_a_bucket_refilled_in_the_future_denies_one_call_and_is_deleted(redis: RedisProcess) -> None:
    with redis.client() as client:
        client.set(EXTENSION_KEY, json.dumps({"tokens": 5, "lastRefillMs": int(time.time() * 1_000) + 3_600_000}))
    async with limits_in(redis, extension=Rate(60, SLOW)) as limits:
        assert [await acquire(limits), await acquire(limits)] == ["extension", 59]


async def test_a_call_counts_in_both_limits_or_in_none(redis: RedisProcess) -> None:
    async with limits_in(redis, extension=Rate(1, SLOW), user=Rate(2, SLOW)) as limits:
        assert [await acquire(limits), await acquire(limits), await acquire(limits)] == [0, "extension", "extension"]
        assert [await acquire(limits, extension="f"), await acquire(limits, extension="g")] == [0, "user"]
        assert await acquire(limits, extension="g", user="v") == 0


async def test_gateways_together_get_as_many_tokens_as_there_are(redis: RedisProcess) -> None:
    async with limits_in(redis, extension=Rate(100, SLOW)) as first, limits_in(redis, extension=Rate(100, SLOW)) as second:
        outcomes = await asyncio.gather(*(acquire(limits) for limits in (first, second) for _ in range(100)))
    assert sum(outcome != "extension" for outcome in outcomes) == 100


async def test_a_restarted_redis_gets_the_script_again(tmp_path: Path) -> None:
    with redis_process(tmp_path) as redis:
        async with limits_in(redis, extension=Rate(5, SLOW)) as limits:
            assert await acquire(limits) == 4
            redis.command("SCRIPT", "FLUSH")
            assert await acquire(limits) == 3
            redis.command("FLUSHALL")
            assert await acquire(limits) == 4


async def test_while_redis_is_down_each_gateway_counts_by_itself(tmp_path: Path, logged: list[EventDict]) -> None:
    clock = Clock()
    with redis_process(tmp_path) as redis:
        async with limits_in(redis, extension=Rate(3, SLOW), clock=clock) as limits:
            assert await acquire(limits) == 2
            redis.stop()
            assert [await acquire(limits) for _ in range(4)] == [2, 1, 0, "extension"]
            assert limits.is_down
            redis.start()
            # The local count applies until the next probe.
            assert await acquire(limits) == "extension"
            clock.now += 1.0
            assert await acquire(limits) == 2
    events = [(entry["event"], entry.get("calls")) for entry in logged]
    assert events == [("rate_limit_redis_down", "local"), ("rate_limit_redis_up", None)]


async def test_while_redis_hangs_one_call_a_second_waits_for_it(tmp_path: Path) -> None:
    clock = Clock()
    with redis_process(tmp_path) as redis:
        async with limits_in(redis, extension=Rate(500, SLOW), timeout=0.2, clock=clock) as limits:
            await acquire(limits)
            redis.hang()
            try:
                await acquire(limits)
                assert limits.is_down
                clock.now += 1.0
                probe = asyncio.ensure_future(acquire(limits))
                await asyncio.sleep(0)
                # Without waiting: the loop would have to run for Redis to be asked.
                others = [limits.acquire("t", "e", "u", is_client=False) for _ in range(100)]
                for other in others:
                    with pytest.raises(StopIteration):
                        other.send(None)
                assert not probe.done()
                await probe
            finally:
                redis.resume()


async def test_without_a_local_count_calls_are_refused_while_redis_is_down(tmp_path: Path) -> None:
    clock = Clock()
    with redis_process(tmp_path) as redis:
        async with limits_in(redis, extension=Rate(3, SLOW), refuse=True, clock=clock) as limits:
            redis.stop()
            for _ in range(2):
                with pytest.raises(GatewayError) as refused:
                    await limits.acquire("t", "e", "u", is_client=False)
                assert (refused.value.code, refused.value.status) == ("access_policy_unavailable", 503)
            redis.start()
            clock.now += 1.0
            assert await acquire(limits) == 2


async def test_more_calls_than_connections_wait_for_one(redis: RedisProcess) -> None:
    async with limits_in(redis, extension=Rate(1_000, SLOW)) as limits:
        outcomes = await asyncio.gather(*(acquire(limits) for _ in range(200)))
        assert sorted(int(outcome) for outcome in outcomes) == list(range(800, 1_000))
        assert not limits.is_down


async def test_without_limits_redis_is_not_asked(redis: RedisProcess) -> None:
    async with limits_in(redis, extension=Rate(1, SLOW)) as limits:
        assert await limits.acquire("t", "e", "u", is_client=True) is None
    with redis.client() as client:
        assert client.keys("*") == []


async def test_the_gateway_counts_in_the_redis_of_its_settings(tmp_path: Path, redis: RedisProcess) -> None:
    notes = "/api/ext/com.example.notes/notes"
    async with running_platform(tmp_path, rate_limit_redis_url=redis.url, rate_limit_extension_staff="3+1/min") as gateway:
        admin = await gateway.admin()
        assert [(await gateway.http.get(notes, headers=admin)).status_code for _ in range(2)] == [200, 200]
        with redis.client() as client:
            (key,) = client.keys("*extension-gateway:*")
            client.set(key, json.dumps({"tokens": 0, "lastRefillMs": int(time.time() * 1_000)}))
        assert (await gateway.http.get(notes, headers=admin)).status_code == 429
        await gateway.services.close_limits()
