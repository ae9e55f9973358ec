"""The control socket: who may use it, what commands learn, and what happens when either side goes away."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from holdfast.client.location import connection as connecting
from holdfast.client.location.connection import PlatformConnection, PlatformDenied, PlatformForeign, PlatformUnreachable, connect
from holdfast.platform.control.messages import shown_location
from holdfast.platform.control.socket_file import SOCKET_FILE
from holdfast.platform.lock_file import DataFolderLock
from tests.platform.served import Echo, served
from tests.waiting import until

OTHER_USER = 12_345


async def open_connection(data_dir: Path, *, is_chosen: bool = False) -> PlatformConnection:
    platform = await connect(data_dir, is_chosen=is_chosen, report=print)
    assert platform is not None
    return platform


async def test_a_command_learns_which_platform_it_is_and_gets_results_and_errors(tmp_path: Path) -> None:
    async with served(tmp_path / "data", console="http://localhost:3000"):
        assert stat.S_IMODE((tmp_path / "data" / SOCKET_FILE).stat().st_mode) == 0o600
        platform = await open_connection(tmp_path / "data")
        assert (platform.description.console, platform.description.data_dir) == ("http://localhost:3000", str(tmp_path / "data"))
        sent = await platform.call("registry.grants", dict[str, Any], {"extension": "x"}, tenant="t", strict=True)
        assert sent == {"operation": "registry.grants", "tenant": "t", "strict": True, "extension": "x"}
        with pytest.raises(PlatformDenied, match="It failed") as denied:
            await platform.call("fail", type(None), {})
        assert denied.value.to_json()["details"] == {"reason": 1}
        platform.close()
    assert not (tmp_path / "data" / SOCKET_FILE).exists()
    assert await connect(tmp_path / "data", is_chosen=False, report=print) is None


async def test_several_calls_run_at_the_same_time_and_a_cancelled_one_is_cancelled_there(tmp_path: Path) -> None:
    async with served(tmp_path / "data") as operations:
        platform = await open_connection(tmp_path / "data")
        waiting = asyncio.create_task(platform.call("wait", type(None), {}))
        await until(lambda: operations.waiting == 1)
        both = await asyncio.gather(*(platform.call(name, dict[str, Any], {}) for name in ("a", "b")))
        assert [one["operation"] for one in both] == ["a", "b"]
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await until(lambda: operations.cancelled == 1)
        assert (await platform.call("c", dict[str, Any], {}))["operation"] == "c"
        platform.close()


async def test_a_connection_outlives_a_restart_of_the_platform(tmp_path: Path) -> None:
    async with served(tmp_path / "data", console="http://localhost:1"):
        platform = await open_connection(tmp_path / "data")
    with pytest.raises(PlatformUnreachable, match="stopped"):
        await platform.call("a", dict[str, Any], {})
    async with served(tmp_path / "data", console="http://localhost:2"):
        assert (await platform.call("a", dict[str, Any], {}))["operation"] == "a"
        assert platform.description.console == "http://localhost:2"
        platform.close()


async def test_a_platform_that_stops_during_an_operation_is_reported(tmp_path: Path) -> None:
    async with served(tmp_path / "data") as operations:
        platform = await open_connection(tmp_path / "data")
        waiting = asyncio.create_task(platform.call("wait", type(None), {}))
        await until(lambda: operations.waiting == 1)
    with pytest.raises(PlatformUnreachable, match="stopped before it responded"):
        await waiting


async def test_the_path_of_a_socket_may_be_longer_than_a_socket_address(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 6, "data")
    async with served(deep):
        assert len(os.fsencode(deep / SOCKET_FILE)) > 108
        platform = await open_connection(deep)
        assert (await platform.call("a", dict[str, Any], {}))["operation"] == "a"
        platform.close()


async def test_a_platform_without_its_socket_is_an_error_and_never_a_local_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "STOP_SECONDS", 0.2)
    async with served(tmp_path / "data"):
        (tmp_path / "data" / SOCKET_FILE).unlink()
        with pytest.raises(PlatformUnreachable, match=r"does not respond at .*platform\.sock"):
            await connect(tmp_path / "data", is_chosen=True, report=print)


async def test_a_command_waits_for_a_platform_that_is_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_SAY_AFTER_SECONDS", 0.0)
    said = list[str]()
    with DataFolderLock(tmp_path / "data") as lock:
        waiting = asyncio.create_task(connect(tmp_path / "data", is_chosen=False, report=said.append))
        await until(lambda: said)
        assert said == [f"Waiting for the platform on the data folder {tmp_path / 'data'} ..."]
        lock.__exit__(None, None, None)
    async with served(tmp_path / "data"):
        platform = await waiting
        # Between the two, the folder was free for an instant.
        if platform is not None:
            platform.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("given_away", ["folder", "socket"])
async def test_nothing_is_sent_to_the_platform_of_another_user(tmp_path: Path, given_away: str) -> None:
    operations = Echo()
    async with served(tmp_path / "data", operations):
        os.chown(tmp_path / "data" if given_away == "folder" else tmp_path / "data" / SOCKET_FILE, OTHER_USER, OTHER_USER)
        for is_chosen in (False, True):
            with pytest.raises(PlatformForeign, match="another user"):
                await connect(tmp_path / "data", is_chosen=is_chosen, report=print)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgres://ann:p@ss/w?ord@db.example.com:5432/holdfast?sslmode=require", "postgresql://ann@db.example.com:5432/holdfast"),
        ("postgresql+psycopg://db.example.com/holdfast", "postgresql://db.example.com/holdfast"),
        ("sqlite+aiosqlite:////data/holdfast.db", "sqlite:////data/holdfast.db"),
        ("s3://bucket/prefix/", "s3://bucket/prefix"),
        ("http://key:secret@localhost:4569/extensions", "http://key@localhost:4569/extensions"),
        ("/srv/bundles", "/srv/bundles"),
    ],
)
def test_addresses_are_shown_without_passwords_drivers_and_options(address: str, shown: str) -> None:
    assert shown_location(address) == shown
