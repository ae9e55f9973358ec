"""Which debug stream the settings open."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from holdfast.events import MemoryStream, configured_redis, open_stream
from holdfast.events.redis.server import InvalidRedisUrl
from holdfast.settings import Settings
from tests.events.conftest import MakeEvent
from tests.events.redis_process import RedisProcess
from tests.events.streams import messages, until_stored
from tests.waiting import MAX_WAIT_SECONDS


def settings(**fields: Any) -> Settings:
    return Settings(_env_file=None, **fields)


@pytest.mark.parametrize("url", [None, "", "  "])
async def test_without_a_redis_the_stream_is_in_memory(url: str | None) -> None:
    async with open_stream(settings(debug_redis_url=url)) as stream:
        assert isinstance(stream, MemoryStream)


async def test_with_a_redis_events_are_published_to_it_and_read_from_it(redis: RedisProcess, make_event: MakeEvent) -> None:
    given = settings(debug_redis_url=redis.url, debug_redis_stream_prefix="p:", debug_redis_maxlen=2)
    async with open_stream(given) as stream:
        for number in range(3):
            stream.publish(make_event(str(number)))
        await until_stored(redis, "p:t:e", 2)
    async with open_stream(given) as stream:
        assert messages(await stream.tail("t", "e", 10)) == ["1", "2"]


def test_an_invalid_address_is_rejected_before_anything_is_opened() -> None:
    with pytest.raises(InvalidRedisUrl):
        configured_redis(settings(debug_redis_url="memcached://x"))


def test_the_redis_client_is_imported_on_use_only() -> None:
    code = "import sys, holdfast.cli.main, holdfast.events; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=MAX_WAIT_SECONDS, check=False).returncode == 0
