"""The parts that a platform depends on. Each of them can be stopped, and started again at the same address."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from holdfast.bundles.cache.entries import remove_entry
from holdfast.bundles.cache.unpacked import READY
from tests.bundles.s3_server import S3Process
from tests.cli.command_runner import Platform
from tests.events.redis_process import RedisProcess
from tests.records.postgres import PostgresServer


@dataclass(frozen=True)
class Outage:
    """How one part stops and starts."""

    name: str
    stop: Callable[[], None]
    start: Callable[[], None]


def outages(platform: Platform, postgres: PostgresServer, redis: RedisProcess, store: S3Process, trash: Path) -> list[Outage]:
    """Runner, Redis, store, database. The runner is killed, and its parent starts it again."""
    cache = platform.data_dir / "cache"

    def stop_store() -> None:
        store.stop()
        _evict_one(cache, trash)

    return [
        Outage("runner", lambda: os.kill(platform.runner_pid(), signal.SIGKILL), lambda: None),
        Outage("redis", redis.stop, redis.start),
        Outage("store", stop_store, store.start),
        Outage("database", postgres.stop, postgres.start),
    ]


def _evict_one(cache: Path, trash: Path) -> None:
    """Removes a bundle from the runner's cache as its evictor would, so that calls of one extension need the store."""
    for ready in sorted(cache.glob(f"*/{READY}")):
        if remove_entry(ready.parent, trash):
            return
