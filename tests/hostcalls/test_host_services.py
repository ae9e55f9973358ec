"""What the settings mean for the hosts of all calls."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from holdfast.hostcalls import HostServices, InvalidEgressEntry
from holdfast.settings import Settings
from holdfast.world.functions import FUNCTIONS_BY_ID, WitError
from holdfast.world.types import HttpError, HttpRequest, HttpResponse, StorageEntry, StorageError
from tests.events.recording_server import RecordingServer
from tests.hostcalls.calling import ALL, ListSink, make_call

LIST = FUNCTIONS_BY_ID["storage.list-entries"]
GET = FUNCTIONS_BY_ID["storage.get"]
FETCH = FUNCTIONS_BY_ID["http.fetch"]


def settings(**fields: Any) -> Settings:
    return Settings(**{"runner_service_token": "service-token", **fields})


async def call(services: HostServices, function: Any, *args: object) -> object:
    """The value or error case of one call through a call_host of these services; closes them."""
    try:
        return await services.call_host(make_call(), ALL).call(function, args)
    except WitError as error:
        return error.case
    finally:
        await services.close()


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("STORAGE_API_BASE_URL", "REGISTRY_BASE_URL", "RUNNER_SERVICE_TOKEN", "RUNNER_STORAGE_API_TOKEN", "EXT_EGRESS_ALLOWLIST"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"RUNNER_{name}", raising=False)


async def test_the_storage_address_and_its_token_take_precedence_over_the_registrys(application: RecordingServer) -> None:
    application.reply({"items": []})
    given = settings(
        storage_api_base_url=application.url, registry_base_url="http://registry.invalid", runner_storage_api_token="storage-token"
    )
    assert await call(HostServices.from_settings(given, ListSink()), LIST, "ns", None) == []
    assert application.requests[0].header("x-runner-auth") == "storage-token"


async def test_only_the_origin_of_the_registrys_address_is_used(application: RecordingServer) -> None:
    application.reply({"value": "v"})
    services = HostServices.from_settings(settings(registry_base_url=f"{application.url}/registry/v2"), ListSink())
    assert await call(services, GET, "ns", "k") == StorageEntry("ns", "k", b"v", None)
    assert application.requests[0].path.startswith("/api/internal/ext-storage/")
    assert application.requests[0].header("x-runner-auth") == "service-token"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "STORAGE_API_BASE_URL"),
        ({"registry_base_url": "http://r.invalid", "runner_service_token": None}, "token"),
        ({"storage_api_base_url": "http://r.invalid/?key=value"}, "without a query"),
    ],
)
async def test_a_runner_without_the_applications_address_reports_the_missing_setting(fields: dict[str, Any], reason: str) -> None:
    sink = ListSink()
    assert await call(HostServices.from_settings(settings(**fields), sink), GET, "ns", "k") is StorageError.INTERNAL
    assert reason in sink.messages[-1]


async def test_the_operators_hosts_are_allowed_and_local_ones_only_in_development(application: RecordingServer) -> None:
    request = HttpRequest("GET", application.url, [], None)
    allowed = settings(egress_allowlist=f" api.example.com, {application.url}")
    answer = await call(HostServices.from_settings(allowed, ListSink()), FETCH, request)
    assert isinstance(answer, HttpResponse)
    production = settings(egress_allowlist=application.url, environment="production")
    assert await call(HostServices.from_settings(production, ListSink()), FETCH, request) is HttpError.NOT_ALLOWED
    assert await call(HostServices.from_settings(settings(), ListSink()), FETCH, request) is HttpError.NOT_ALLOWED


def test_an_invalid_allowlist_is_rejected_at_start() -> None:
    with pytest.raises(InvalidEgressEntry):
        HostServices.from_settings(settings(egress_allowlist="api.example.com, *"), ListSink())


async def test_the_setting_limits_the_length_of_events(application: RecordingServer) -> None:
    sink = ListSink()
    services = HostServices.from_settings(settings(debug_max_event_bytes=10), sink)
    services.call_host(make_call(), ALL).output("stdout", "x" * 11)
    await services.close()
    assert (sink.events[0].message, sink.events[0].truncated) == ("x" * 10, True)


async def test_the_http_client_does_not_log_addresses_with_their_queries() -> None:
    services = HostServices.from_settings(settings(), ListSink())
    await services.close()
    assert not logging.getLogger("httpx2").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpcore2.http11").isEnabledFor(logging.DEBUG)
