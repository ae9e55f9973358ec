"""Opens the rate limits of the settings: in Redis, in a file that the gateway processes of this machine share, or in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.gateway.limits.bucket_file import BucketFile, FileBuckets
from holdfast.gateway.limits.call_rates import MAX_BUCKETS, CallRateLimits, CallRates, LocalCallRateLimits
from holdfast.http.token_bucket import Buckets, Rate, TokenBuckets
from holdfast.settings import Settings

if TYPE_CHECKING:
    from holdfast.events.redis.server import RedisServer

REDIS_SECONDS = 0.5
"""How long a call waits for Redis before the limits of this machine apply. A healthy Redis needs about a thousandth of that."""

_VARIABLE = "HOLDFAST_RATE_LIMIT_REDIS_URL"


class SharedBuckets:
    """Opens buckets that the gateway processes of this machine share, or, without other processes, buckets in memory."""

    def __init__(self, workers_dir: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`workers_dir` is the folder of the gateway processes; None when there is only one. `clock` is seconds that never go back."""
        self._clock = clock
        self._file = None if workers_dir is None else BucketFile(workers_dir / "rate-limits", clock=clock)

    def open(self, name: str, rate: Rate) -> Buckets:
        """Buckets of this rate; processes that open the same name share them."""
        if self._file is not None:
            return FileBuckets(self._file, name, rate)
        return TokenBuckets(capacity=rate.capacity, refill_per_second=rate.refill_per_second, clock=self._clock, max_buckets=MAX_BUCKETS)

    def close(self) -> None:
        """Closes the file. The buckets cannot be used afterwards."""
        if self._file is not None:
            self._file.close()


def open_call_rate_limits(settings: Settings, open_buckets: Callable[[str, Rate], Buckets]) -> CallRateLimits:
    """The rate limits of calls. `open_buckets` is for the limits of this machine. Raises InvalidRedisUrl."""
    rates = CallRates.from_settings(settings)
    local = LocalCallRateLimits(rates, open_buckets)
    server = configured_rate_limit_redis(settings)
    if server is None:
        return local
    # Imported on use: importing its client takes longer than most commands run.
    from holdfast.gateway.limits.redis_rates import RedisCallRateLimits

    return RedisCallRateLimits(rates, server, local=local if settings.rate_limit_redis_down == "local" else None)


def configured_rate_limit_redis(settings: Settings) -> RedisServer | None:
    """The Redis server of HOLDFAST_RATE_LIMIT_REDIS_URL, or None if it is not set. Does not connect. Raises InvalidRedisUrl."""
    url, password = settings.rate_limit_redis_url, settings.rate_limit_redis_password
    if url is None or not url.get_secret_value().strip():
        return None
    from holdfast.events.redis.server import RedisServer

    secret = password.get_secret_value().strip() if password is not None else ""
    return RedisServer(url.get_secret_value().strip(), secret or None, timeout=REDIS_SECONDS, variable=_VARIABLE)
