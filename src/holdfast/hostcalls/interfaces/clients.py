"""The interface `clients`: reads the tenant's clients."""

from __future__ import annotations

from holdfast.hostcalls.application.backend import Service
from holdfast.hostcalls.application.response import MalformedResponse, ResponseObject, malformed_as
from holdfast.hostcalls.interfaces.record_pages import ErrorCases, page_fields, page_numbers, request_records
from holdfast.hostcalls.interfaces.session import Session
from holdfast.world.types import ClientReadError, ClientsListInput, ClientsListResult, ClientSummary

_CASES = ErrorCases(not_allowed=ClientReadError.NOT_ALLOWED, invalid_input=ClientReadError.INVALID_INPUT, internal=ClientReadError.INTERNAL)


def _client(value: object) -> ClientSummary:
    record = ResponseObject(value)
    return ClientSummary(
        record.text("clientId"),
        record.text("clientName"),
        record.optional_text("clientType"),
        record.flag("isInactive", False),
        record.optional_text("defaultCurrencyCode"),
        record.optional_text("accountManagerId"),
        record.optional_text("accountManagerName"),
        record.optional_text("billingEmail"),
    )


async def list_clients(session: Session, params: ClientsListInput) -> ClientsListResult:
    """One page of clients. Raises `internal` if one record of it is malformed."""
    fields = {
        "search": params.search,
        "includeInactive": params.include_inactive,
        **page_fields(params.page, params.page_size, _CASES),
    }
    response = await request_records(session, Service.CLIENTS, "list", fields, _CASES)
    with malformed_as(ClientReadError.INTERNAL):
        return ClientsListResult([_client(item) for item in response.items("items")], *page_numbers(response))


async def get_client(session: Session, client_id: str) -> ClientSummary | None:
    """One client, or None if there is no client with this id."""
    response = await request_records(session, Service.CLIENTS, "get", {"clientId": client_id}, _CASES)
    with malformed_as(ClientReadError.INTERNAL):
        if not response.has("item"):
            raise MalformedResponse("item is missing")
        return None if response.value("item") is None else _client(response.value("item"))
