"""The interface `clients`: the tenant's clients, to read."""

from __future__ import annotations

from holdfast.hostcalls.answers import Answer, Malformed, reading
from holdfast.hostcalls.backend import Service
from holdfast.hostcalls.interfaces.record_values import Cases, ask, page_fields, page_numbers
from holdfast.hostcalls.session import Session
from holdfast.world.types import ClientReadError, ClientsListInput, ClientsListResult, ClientSummary

_CASES = Cases(not_allowed=ClientReadError.NOT_ALLOWED, invalid_input=ClientReadError.INVALID_INPUT, internal=ClientReadError.INTERNAL)


def _client(value: object) -> ClientSummary:
    answer = Answer(value)
    return ClientSummary(
        answer.text("clientId"),
        answer.text("clientName"),
        answer.optional_text("clientType"),
        answer.flag("isInactive", False),
        answer.optional_text("defaultCurrencyCode"),
        answer.optional_text("accountManagerId"),
        answer.optional_text("accountManagerName"),
        answer.optional_text("billingEmail"),
    )


async def list_clients(session: Session, given: ClientsListInput) -> ClientsListResult:
    """One page of clients. A page with a record that cannot be read is refused whole."""
    fields = {
        "search": given.search,
        "includeInactive": given.include_inactive,
        **page_fields(given.page, given.page_size, _CASES),
    }
    answer = await ask(session, Service.CLIENTS, "list", fields, _CASES)
    with reading(ClientReadError.INTERNAL):
        return ClientsListResult([_client(item) for item in answer.items("items")], *page_numbers(answer))


async def get_client(session: Session, client_id: str) -> ClientSummary | None:
    """One client, or None when there is none."""
    answer = await ask(session, Service.CLIENTS, "get", {"clientId": client_id}, _CASES)
    with reading(ClientReadError.INTERNAL):
        if not answer.has("item"):
            raise Malformed("item is missing")
        return None if answer.value("item") is None else _client(answer.value("item"))
