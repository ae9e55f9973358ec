"""The guide's debug stream: a runner with a Redis, read with the guide's own command."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.events.redis.server import InvalidRedisUrl
from tests.engine.guests import RETURN, module
from tests.engine.test_wasi import OUTPUT, at_4096, says, wasi_component
from tests.events.recording_server import free_port
from tests.events.redis_process import RedisProcess, redis_process
from tests.events.streams import until_stored
from tests.runner import guests
from tests.runner.conftest import EXTENSION, INSTALL, TENANT, StartRunner
from tests.waiting import MAX_WAIT_SECONDS


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with redis_process(tmp_path_factory.mktemp("redis")) as process:
        yield process


async def test_the_guides_command_shows_context_start_host_calls_and_response(start_runner: StartRunner, redis: RedisProcess) -> None:
    runner = await start_runner(keep_events=False, debug_redis_url=redis.url, debug_redis_stream_prefix="ext:debug")
    digest = await runner.put(guests.waiting_for_a_secret())
    envelope = await runner.call(digest, context={"config": {"region": "eu-secret-west"}}, providers=["cap:secrets.get"])
    assert envelope["status"] == 200
    await until_stored(redis, "ext:debug", 5)
    shown = redis.command("XREAD", "COUNT", "10", "STREAMS", "ext:debug", "0")
    expected = (
        "call started: GET /notes",
        f"call context: tenant {TENANT}, extension {EXTENSION}, install {INSTALL}, content sha256:{digest}; granted: ",
        "handler started: GET /notes, ready after ",
        "host call secrets.list-keys: ok in ",
        "call finished: status 200 in ",
    )
    places = [shown.find(text) for text in expected]
    assert -1 not in places and places == sorted(places), shown
    assert "cap:secrets.get" in shown and "configuration keys: region" in shown
    assert "eu-secret-west" not in shown
    (first, *_) = redis.entries(f"ext:debug{TENANT}:{EXTENSION}")
    assert (first["install"], first["request"], first["content_hash"]) == (INSTALL, "request-1", f"sha256:{digest}")


async def test_the_stderr_of_a_guest_becomes_events_of_its_call(start_runner: StartRunner, redis: RedisProcess, tmp_path: Path) -> None:
    text = ("é" * 10).encode()
    guest = wasi_component(module(says(text, "stderr") + RETURN, imports=OUTPUT, items=at_4096(text)), tmp_path)
    runner = await start_runner(keep_events=False, debug_redis_url=redis.url, debug_redis_stream_prefix="stderr:", debug_max_event_bytes=9)
    await runner.call(await runner.put(guest))
    key = f"stderr:{TENANT}:{EXTENSION}"
    await until_stored(redis, key, 5)
    (line,) = [fields for fields in redis.entries(key) if fields["stream"] == "stderr"]
    assert (line["level"], line["install"], line["request"]) == ("error", INSTALL, "request-1")
    # Cut between characters, not in the middle of one.
    assert (line["message"], line["truncated"]) == ("éééé", "1")


async def test_without_its_redis_a_runner_starts_and_responds(start_runner: StartRunner) -> None:
    runner = await start_runner(keep_events=False, debug_redis_url=f"redis://127.0.0.1:{free_port()}")
    envelope = await runner.call(await runner.put(guests.fine()))
    assert envelope["status"] == 200


async def test_a_redis_that_hangs_does_not_delay_a_call(start_runner: StartRunner, tmp_path: Path) -> None:
    with redis_process(tmp_path) as own:
        runner = await start_runner(keep_events=False, debug_redis_url=own.url, debug_redis_stream_prefix="p:")
        digest = await runner.put(guests.fine())
        await runner.call(digest)
        await until_stored(own, f"p:{TENANT}:{EXTENSION}", 4)
        own.hang()
        # If each event waited for a timeout of Redis, 50 calls would take longer than this.
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            for _ in range(50):
                assert (await runner.call(digest))["status"] == 200
        own.resume()


async def test_an_invalid_address_stops_the_start_with_the_name_of_its_variable(start_runner: StartRunner) -> None:
    with pytest.raises(InvalidRedisUrl, match="RUNNER_DEBUG_REDIS_URL"):
        await start_runner(keep_events=False, debug_redis_url="http://127.0.0.1")
