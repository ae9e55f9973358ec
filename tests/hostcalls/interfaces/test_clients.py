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
    assert await caller.ask("clients.list-clients", given) == ClientsListResult([SUMMARY, second], 7, 2, 5)
    (request,) = application.requests
    assert request.path == f"/api/internal/ext-clients/install/{INSTALL}"
    assert request.json == {"operation": "list", "input": {"search": "ac", "includeInactive": False, "page": 2, "pageSize": 5}}


async def test_the_first_twenty_five_are_meant_where_nothing_is_said(application: RecordingServer, caller: Caller) -> None:
    application.reply({"items": []})
    assert await caller.ask("clients.list-clients", ANY) == ClientsListResult([], 0, 1, 25)
    assert application.requests[0].json["input"] == {"page": 1, "pageSize": 25}


@pytest.mark.parametrize(("page", "page_size"), [(0, 25), (1, 0), (1, 101)])
async def test_a_page_out_of_bounds_is_invalid_without_asking(
    application: RecordingServer, caller: Caller, page: int, page_size: int
) -> None:
    assert await caller.case("clients.list-clients", ClientsListInput(None, None, page, page_size)) is ClientReadError.INVALID_INPUT
    assert application.requests == []


async def test_the_calls_user_goes_along_so_that_the_application_can_check_it(application: RecordingServer, backend: HttpBackend) -> None:
    application.reply({"item": CLIENT})
    assert await Caller(backend=backend, user=USER).ask("clients.get-client", "c-1") == SUMMARY
    assert application.requests[0].json == {
        "operation": "get",
        "input": {"clientId": "c-1"},
        "user": {"userId": "u-1", "userType": "internal"},
    }


async def test_a_client_that_does_not_exist_is_none(application: RecordingServer, caller: Caller) -> None:
    application.reply({"item": None})
    assert await caller.ask("clients.get-client", "c-1") is None


async def test_an_answer_without_an_item_is_internal(application: RecordingServer, caller: Caller) -> None:
    application.reply({})
    assert await caller.case("clients.get-client", "c-1") is ClientReadError.INTERNAL


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
async def test_one_faulty_record_or_number_refuses_the_page(application: RecordingServer, caller: Caller, body: Any) -> None:
    application.reply(body)
    assert await caller.case("clients.list-clients", ANY) is ClientReadError.INTERNAL


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
async def test_a_status_becomes_its_case(application: RecordingServer, caller: Caller, status: int, case: ClientReadError) -> None:
    application.reply({"error": "no"}, status)
    assert await caller.case("clients.list-clients", ANY) is case
    assert await caller.case("clients.get-client", "c") is case


async def test_without_an_install_it_is_not_allowed(application: RecordingServer, backend: HttpBackend) -> None:
    caller = Caller(backend=backend, install_id=None)
    assert await caller.case("clients.list-clients", ANY) is ClientReadError.NOT_ALLOWED
    assert await caller.case("clients.get-client", "c") is ClientReadError.NOT_ALLOWED
    assert application.requests == []
