"""Debug events in a file that several processes use; `model/test_stream.py` tests what all streams have in common."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from holdfast.contract.debug_event import DebugEvent
from holdfast.events import StreamUnavailable, open_stream
from holdfast.events.delivery.batching_sink import DeliveryFailed, DeliveryRejected
from holdfast.events.event_file import EventFile, EventFileTransport
from holdfast.events.model.stream import BEFORE_ALL
from holdfast.settings import Settings
from tests.events.conftest import MakeEvent
from tests.events.streams import messages, next_messages
from tests.waiting import MAX_WAIT_SECONDS

KEY = ("t", "e")

# Publishes numbered events of its own name: so many, or without end.
PUBLISH = """
import asyncio, itertools, sys
from pathlib import Path
from holdfast.contract.debug_event import DebugEvent
from holdfast.events.event_file import EventFileTransport

async def main(path, name, number):
    transport = EventFileTransport(Path(path))
    for count in itertools.count() if number == 0 else range(number):
        message = f"{name} {count}"
        await transport.send([DebugEvent(ts=1, level="info", stream="log", tenant_id="t", extension_id="e", message=message)])
        if count == 20:
            print("started", flush=True)
    await transport.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def publisher(path: Path, name: str, number: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PUBLISH, str(path), name, str(number)], stdout=subprocess.PIPE, text=True)


async def test_processes_that_publish_together_lose_nothing_and_a_reader_sees_each_event_once(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    names = ("a", "b", "c")
    async with open_stream(Settings(gateway_workers_dir=tmp_path, _env_file=None)) as stream:
        processes = [publisher(tmp_path / "debug-events.db", name, 200) for name in names]
        async with aclosing(stream.subscribe("t", "e", BEFORE_ALL)) as events:
            seen = await next_messages(events, 600)
        for process in processes:
            assert await asyncio.to_thread(process.wait, MAX_WAIT_SECONDS) == 0
            assert process.stdout is not None
            process.stdout.close()
    assert len(set(seen)) == 600
    for name in names:
        assert [message for message in seen if message.startswith(f"{name} ")] == [f"{name} {count}" for count in range(200)]
    assert not path.exists()


async def test_a_killed_process_leaves_a_file_that_others_use(tmp_path: Path, make_event: MakeEvent) -> None:
    path = tmp_path / "events.db"
    for name in ("a", "b"):
        process = publisher(path, name, 0)
        assert process.stdout is not None
        with process.stdout as output:
            assert await asyncio.to_thread(output.readline) == "started\n"
        process.send_signal(signal.SIGKILL)
        process.wait(MAX_WAIT_SECONDS)
    transport, file = EventFileTransport(path), EventFile(path)
    await transport.send([make_event("after")])
    found = messages(await file.tail(KEY, 2_000))
    for name in ("a", "b"):
        mine = [message for message in found if message.startswith(f"{name} ")]
        assert mine == [f"{name} {count}" for count in range(len(mine))] and len(mine) >= 20
    assert found[-1] == "after"
    await file.close()
    await transport.close()


async def test_ids_increase_over_restarts_and_over_all_streams(tmp_path: Path, make_event: MakeEvent) -> None:
    ids = []
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "events.db"
        transport, file = EventFileTransport(path), EventFile(path)
        again = EventFileTransport(path)
        await transport.send([make_event("1"), make_event("2", extension_id="other")])
        await again.send([make_event("3")])
        ids += [int(event_id) for event_id, _ in [*await file.tail(("t", "e"), 1), *await file.tail(("t", "other"), 1)]]
        for opened in (transport, again, file):
            await opened.close()
    first_last, first_other, second_last, second_other = ids
    assert first_other < first_last < second_other < second_last


async def test_only_the_owner_can_read_the_file(tmp_path: Path, make_event: MakeEvent) -> None:
    transport = EventFileTransport(tmp_path / "events.db")
    await transport.send([make_event("m")])
    assert {found.stat().st_mode & 0o777 for found in tmp_path.iterdir()} == {0o600}
    await transport.close()


async def test_all_streams_together_have_a_limit_of_bytes(tmp_path: Path, make_event: MakeEvent) -> None:
    path = tmp_path / "events.db"
    transport, file = EventFileTransport(path, max_bytes=1_000_000), EventFile(path)
    for number in range(30):
        await transport.send([make_event("x" * 1_000, extension_id=f"e{number}")] * 100)
    kept = [len(await file.tail(("t", f"e{number}"), 1_000)) for number in range(30)]
    # The newest are kept: nothing of the first streams, all of the last.
    assert kept[0] == 0 and kept[-1] == 100 and sum(kept) < 1_000
    assert sum(found.stat().st_size for found in tmp_path.iterdir()) < 10_000_000
    await file.close()
    await transport.close()


async def test_a_damaged_file_is_an_outage_and_not_a_crash(tmp_path: Path, make_event: MakeEvent) -> None:
    path = tmp_path / "events.db"
    transport, file = EventFileTransport(path), EventFile(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE events")
    with pytest.raises(DeliveryFailed):
        await transport.send([make_event("m")])
    with pytest.raises(StreamUnavailable):
        await file.tail(KEY, 1)
    with pytest.raises(StreamUnavailable):
        await file.wait({KEY: BEFORE_ALL})
    await file.close()
    await transport.close()


async def test_an_event_that_json_cannot_express_is_rejected(tmp_path: Path) -> None:
    transport = EventFileTransport(tmp_path / "events.db")
    with pytest.raises(DeliveryRejected):
        await transport.send([DebugEvent(ts=1, level="info", stream="log", tenant_id="t", extension_id="\ud800", message="m")])
    await transport.close()
