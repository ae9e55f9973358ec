from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from holdfast.events import DebugEvent, MemoryStream
from tests.events.conftest import MakeEvent

Entry = tuple[int, DebugEvent]


async def take(events: AsyncIterator[Entry], number: int) -> list[str]:
    async with asyncio.timeout(5):
        return [(await anext(events))[1].message for _ in range(number)]


def messages(entries: list[Entry]) -> list[str]:
    return [event.message for _, event in entries]


def test_the_tail_is_the_last_events_oldest_first(make_event: MakeEvent) -> None:
    stream = MemoryStream()
    for number in range(5):
        stream.publish(make_event(str(number)))
    assert messages(stream.tail("t", "e", 3)) == ["2", "3", "4"]
    assert messages(stream.tail("t", "e", 50)) == ["0", "1", "2", "3", "4"]
    assert stream.tail("t", "e", 0) == []


def test_a_stream_belongs_to_one_tenant_and_one_extension(make_event: MakeEvent) -> None:
    stream = MemoryStream()
    stream.publish(make_event("mine"))
    stream.publish(make_event("other tenant", tenant_id="t2"))
    stream.publish(make_event("other extension", extension_id="e2"))
    assert messages(stream.tail("t", "e", 10)) == ["mine"]
    assert stream.tail("t3", "e", 10) == []


def test_ids_of_streams_are_compared_without_regard_to_case(make_event: MakeEvent) -> None:
    stream = MemoryStream()
    stream.publish(make_event("m", tenant_id="ABC"))
    assert messages(stream.tail("abc", "E", 1)) == ["m"]


def test_ids_grow_over_all_streams_and_over_restarts(make_event: MakeEvent) -> None:
    first = MemoryStream()
    for tenant in ("a", "b", "a"):
        first.publish(make_event("m", tenant_id=tenant))
    (one, _), (three, _) = first.tail("a", "e", 2)
    ((two, _),) = first.tail("b", "e", 1)
    assert one < two < three
    again = MemoryStream()
    again.publish(make_event("m"))
    assert again.tail("t", "e", 1)[0][0] > three


def test_a_stream_keeps_its_newest_events_only(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_events=3)
    for number in range(10):
        stream.publish(make_event(str(number)))
    assert messages(stream.tail("t", "e", 100)) == ["7", "8", "9"]


def test_a_stream_is_bounded_in_bytes(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_stream_bytes=100_000)
    for _ in range(50):
        stream.publish(make_event("x" * 8_192))
    assert len(stream.tail("t", "e", 100)) == 3


def test_the_stream_written_to_least_recently_makes_room(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_streams=2)
    for tenant in ("a", "b", "a", "c"):
        stream.publish(make_event("m", tenant_id=tenant))
    assert stream.tail("b", "e", 1) == []
    assert len(stream.tail("a", "e", 5)) == 2
    assert len(stream.tail("c", "e", 5)) == 1


def test_all_streams_together_are_bounded_in_bytes(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_bytes=10_000)
    for tenant in ("a", "b", "c"):
        stream.publish(make_event("x" * 1_000, tenant_id=tenant))
    assert [len(stream.tail(tenant, "e", 5)) for tenant in ("a", "b", "c")] == [0, 1, 1]


def test_a_polling_reader_gets_what_is_newer_than_its_last_id(make_event: MakeEvent) -> None:
    stream = MemoryStream(first_id=1)
    for number in range(4):
        stream.publish(make_event(str(number)))
    assert messages(stream.after("t", "e", 2)) == ["2", "3"]
    assert stream.after("t", "nobody", 2) == []


async def test_a_watcher_gets_kept_events_and_then_new_ones_without_gap_or_repetition(make_event: MakeEvent) -> None:
    stream = MemoryStream(first_id=1)
    stream.publish(make_event("0"))
    stream.publish(make_event("1"))
    events = stream.subscribe("t", "e", 1)
    assert await take(events, 1) == ["1"]
    stream.publish(make_event("2"))
    stream.publish(make_event("3"))
    assert await take(events, 1) == ["2"]
    stream.publish(make_event("4"))
    assert await take(events, 2) == ["3", "4"]


async def test_a_watcher_that_waits_is_woken_by_an_event_of_its_own_stream_only(make_event: MakeEvent) -> None:
    stream = MemoryStream()
    events = stream.subscribe("t", "e", 0)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    stream.publish(make_event("other", tenant_id="t2"))
    stream.publish(make_event("mine"))
    async with asyncio.timeout(5):
        assert (await waiting)[1].message == "mine"


async def test_a_watcher_that_was_too_slow_is_told_so(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_events=2, first_id=1)
    stream.publish(make_event("0"))
    events = stream.subscribe("t", "e", 0)
    assert await take(events, 1) == ["0"]
    for number in range(1, 6):
        stream.publish(make_event(str(number)))
    first, *rest = await take(events, 3)
    assert first.startswith("Some events are missing here")
    assert rest == ["4", "5"]


async def test_a_watcher_of_a_stream_that_made_room_is_told_so_and_keeps_watching(make_event: MakeEvent) -> None:
    stream = MemoryStream(max_streams=1, first_id=1)
    stream.publish(make_event("0"))
    events = stream.subscribe("t", "e", 0)
    assert await take(events, 1) == ["0"]
    stream.publish(make_event("1"))
    stream.publish(make_event("m", tenant_id="other"))
    stream.publish(make_event("2"))
    first, second = await take(events, 2)
    assert first.startswith("Some events are missing here")
    assert second == "2"


async def test_two_watchers_of_one_stream_both_get_every_event(make_event: MakeEvent) -> None:
    stream = MemoryStream()
    one, two = stream.subscribe("t", "e", 0), stream.subscribe("t", "e", 0)
    for number in range(3):
        stream.publish(make_event(str(number)))
    assert await take(one, 3) == await take(two, 3) == ["0", "1", "2"]
