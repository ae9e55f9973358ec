"""The stream in memory; `model/test_stream.py` tests what all streams have in common."""

from __future__ import annotations

from contextlib import aclosing

from holdfast.events import MemoryStream
from tests.events.conftest import MakeEvent
from tests.events.streams import next_messages


async def test_ids_increase_over_all_streams_and_over_restarts(make_event: MakeEvent) -> None:
    first = MemoryStream()
    for tenant in ("a", "b", "a"):
        first.publish(make_event("m", tenant_id=tenant))
    (one, _), (three, _) = await first.tail("a", "e", 2)
    ((two, _),) = await first.tail("b", "e", 1)
    assert int(one) < int(two) < int(three)
    again = MemoryStream()
    again.publish(make_event("m"))
    assert int((await again.tail("t", "e", 1))[0][0]) > int(three)


async def test_a_stream_has_a_limit_of_bytes(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_stream_bytes=100_000)
    for _ in range(50):
        stream.publish(make_event("x" * 8_192))
    assert len(await stream.tail("t", "e", 100)) == 3


async def test_the_stream_written_to_least_recently_is_evicted(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_streams=2)
    for tenant in ("a", "b", "a", "c"):
        stream.publish(make_event("m", tenant_id=tenant))
    assert await stream.tail("b", "e", 1) == []
    assert len(await stream.tail("a", "e", 5)) == 2
    assert len(await stream.tail("c", "e", 5)) == 1


async def test_all_streams_together_have_a_limit_of_bytes(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_bytes=10_000)
    for tenant in ("a", "b", "c"):
        stream.publish(make_event("x" * 1_000, tenant_id=tenant))
    assert [len(await stream.tail(tenant, "e", 5)) for tenant in ("a", "b", "c")] == [0, 1, 1]


async def test_a_reader_of_an_evicted_stream_is_notified_and_continues(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_streams=1, first_id=1)
    stream.publish(make_event("0"))
    async with aclosing(stream.subscribe("t", "e", "0")) as events:
        assert await next_messages(events, 1) == ["0"]
        stream.publish(make_event("1"))
        stream.publish(make_event("m", tenant_id="other"))
        stream.publish(make_event("2"))
        first, second = await next_messages(events, 2)
    assert first.startswith("Some events are missing here")
    assert second == "2"
