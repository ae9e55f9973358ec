"""The mode `report`: what no entry allows is reached and reported, in development, and only on the public Internet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from holdfast.hostcalls import Fetcher, HostServices, InvalidEgressEntry
from holdfast.settings import Settings
from holdfast.world.types import HttpError
from tests.events.recording_server import RecordingServer
from tests.hostcalls.calling import Caller, FixedResolver
from tests.hostcalls.fake_network import PUBLIC, MappedNetwork, request


def reporting(server: RecordingServer) -> Fetcher:
    resolver = FixedResolver().add("api.example.com", [PUBLIC]).add("db.internal", ["10.0.0.1"]).add("localhost", ["127.0.0.1"])
    return Fetcher(report_only=True, allow_loopback=True, resolver=resolver, network=MappedNetwork().at(PUBLIC, server.port))


@pytest.mark.parametrize(("withheld", "rule"), [((), "egress_not_declared"), (("http://api.example.com",), "egress_not_granted")])
async def test_a_public_host_without_an_entry_is_reached_reported_and_counted(
    application: RecordingServer, withheld: Sequence[str], rule: str
) -> None:
    caller = Caller(fetcher=reporting(application), egress=(), egress_withheld=tuple(withheld))
    counted: Counter[str] = Counter()
    caller.call_host._on_call = lambda _, outcome: counted.update([outcome])
    assert (await caller.call("http.fetch", request("http://api.example.com/"))).status == 200
    (reported,) = [event for event in caller.sink.events if event.level == "warn"]
    assert "EXT_EGRESS_MODE is report" in reported.message
    assert rule in reported.message
    assert counted == {"reported": 1, "ok": 1}


async def test_a_granted_host_is_not_reported(application: RecordingServer) -> None:
    caller = Caller(fetcher=reporting(application), egress=("http://api.example.com",))
    assert (await caller.call("http.fetch", request("http://api.example.com/"))).status == 200
    assert [event for event in caller.sink.events if event.level == "warn"] == []


@pytest.mark.parametrize("url", ["http://db.internal/", "http://localhost:8123/", "http://127.0.0.1:8123/", "http://169.254.169.254/"])
async def test_a_private_address_is_refused_as_ever(application: RecordingServer, url: str) -> None:
    caller = Caller(fetcher=reporting(application), egress=())
    assert await caller.error_case("http.fetch", request(url)) is HttpError.NOT_ALLOWED
    assert not any("EXT_EGRESS_MODE" in message for message in caller.sink.messages)


def test_production_does_not_start_in_the_mode_report() -> None:
    with pytest.raises(InvalidEgressEntry, match="is for development"):
        HostServices.from_settings(Settings(environment="production", egress_mode="report"), None)
