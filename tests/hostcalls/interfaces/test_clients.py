"""The interface `clients`."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.hostcalls import HttpBackend
from holdfast.world.types import ClientReadError, ClientsListInput, ClientsListResult, ClientSummary
from tests.events.recording_server import RecordingServer
from tests.hostcalls.calling import INSTALL, USER, Caller

CLIENT = {"clientId": "c-1", "clientName": "Acme", "clientType": None, "isInactive": True, "billingEmail": "b@example.com"}
SUMMARY = ClientSummary("c-1", "Acme", None, True, None, None, None, "b@example.com")
ANY = ClientsListInput(None, None, None, None)


@pytest.fixture
def caller(backend: HttpBackend) -> Caller:
    return Caller(backend=backend)


async def test_a_page_of_clients_is_read(application: RecordingServer, caller: Caller) -> None:
    application.reply({"items": [CLIENT, {"client_id": "c-2", "client_name": "B"}], "totalCount": 7, "page": 2, "pageSize": 5})
    given = ClientsListInput("ac", False, 2, 5)
    second = ClientSummary("c-2", "B", None, False, None, None, None, None)
    assert await caller.call("clients.list-clients", given) == ClientsListResult([SUMMARY, second], 7, 2, 5)
    (request,) = application.requests
    assert request.path == f"/api/internal/ext-clients/install/{INSTALL}"
    assert request.json == {"operation": "list", "input": {"search": "ac", "includeInactive": False, "page": 2, "pageSize": 5}}


async def test_the_default_page_has_twenty_five_items(application: RecordingServer, caller: Caller) -> None:
    application.reply({"items": []})
    assert await caller.call("clients.list-clients", ANY) == ClientsListResult([], 0, 1, 25)
    assert application.requests[0].json["input"] == {"page": 1, "pageSize": 25}


@pytest.mark.parametrize(("page", "page_size"), [(0, 25), (1, 0), (1, 101)])
async def test_a_page_out_of_range_is_invalid_without_a_request(
    application: RecordingServer, caller: Caller, page: int, page_size: int
) -> None:
    assert await caller.error_case("clients.list-clients", ClientsListInput(None, None, page, page_size)) is ClientReadError.INVALID_INPUT
    assert application.requests == []


async def test_the_calls_user_is_sent_for_the_application_to_check(application: RecordingServer, backend: HttpBackend) -> None:
    application.reply({"item": CLIENT})
    assert await Caller(backend=backend, user=USER).call("clients.get-client", "c-1") == SUMMARY
    assert application.requests[0].json == {
        "operation": "get",
        "input": {"clientId": "c-1"},
        "user": {"userId": "u-1", "userType": "internal"},
    }


async def test_a_client_that_does_not_exist_is_none(application: RecordingServer, caller: Caller) -> None:
    application.reply({"item": None})
    assert await caller.call("clients.get-client", "c-1") is None


async def test_a_response_without_an_item_is_internal(application: RecordingServer, caller: Caller) -> None:
    application.reply({})
    assert await caller.error_case("clients.get-client", "c-1") is ClientReadError.INTERNAL


@pytest.mark.parametrize(
    "body",
    [
        {"items": [CLIENT, {"clientId": 12, "clientName": "x"}]},
        {"items": None},
        {"items": [], "totalCount": 2**32},
        {"items": [], "page": "1"},
        [],
    ],
)
async def test_one_malformed_record_or_number_fails_the_page(application: RecordingServer, caller: Caller, body: Any) -> None:
    application.reply(body)
    assert await caller.error_case("clients.list-clients", ANY) is ClientReadError.INTERNAL


@pytest.mark.parametrize(
    ("status", "case"),
    [
        (400, ClientReadError.INVALID_INPUT),
        (401, ClientReadError.NOT_ALLOWED),
        (403, ClientReadError.NOT_ALLOWED),
        (404, ClientReadError.INTERNAL),
        (500, ClientReadError.INTERNAL),
    ],
)
async def test_each_status_becomes_its_error_case(application: RecordingServer, caller: Caller, status: int, case: ClientReadError) -> None:
    application.reply({"error": "no"}, status)
    assert await caller.error_case("clients.list-clients", ANY) is case
    assert await caller.error_case("clients.get-client", "c") is case


async def test_a_call_without_an_install_is_not_allowed(application: RecordingServer, backend: HttpBackend) -> None:
    caller = Caller(backend=backend, install_id=None)
    assert await caller.error_case("clients.list-clients", ANY) is ClientReadError.NOT_ALLOWED
    assert await caller.error_case("clients.get-client", "c") is ClientReadError.NOT_ALLOWED
    assert application.requests == []
