"""UN-09 to UN-18: what host functions allow, report and read. Numbers as in section 7.3."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.responses import RedirectResponse

from holdfast.hostcalls import Fetcher, HttpBackend, parse_rules
from holdfast.hostcalls.network.egress import parse_target
from holdfast.world import types as t
from holdfast.world.capabilities import Capability
from holdfast.world.types import ClientReadError, HttpError, ServiceReadError
from tests.events.recording_server import RecordingServer
from tests.hostcalls.calling import ALL, Caller, FixedResolver
from tests.hostcalls.fake_network import PUBLIC, MappedNetwork, fetch, fetch_error, local_fetcher, request

INVOICE = t.CreateManualInvoiceInput("client-1", [], None, None, None)
CLIENT = {"clientId": "c-1", "clientName": "Acme"}
SERVICE = {"serviceId": "s-1", "serviceName": "Care", "itemKind": "service", "billingMethod": "fixed"}


@pytest.fixture
async def backend(application: RecordingServer) -> AsyncIterator[HttpBackend]:
    client = HttpBackend(application.url, "runner-token")
    yield client
    await client.close()


def admits(entry: str, url: str) -> bool:
    return any(rule.matches(parse_target(url)) for rule in parse_rules([entry]))


async def test_un_09_an_entry_admits_its_host(application: RecordingServer) -> None:
    """An entry includes scheme and port: `example.com` means https at port 443, not http."""
    assert admits("example.com", "https://example.com/v1?q=1")
    assert not admits("example.com", "http://example.com/") and not admits("example.com", "https://example.com:8443/")
    network = MappedNetwork().at(PUBLIC, application.port)
    fetcher = Fetcher(parse_rules(["http://example.com"]), resolver=FixedResolver().add("example.com", [PUBLIC]), network=network)
    assert (await fetch(fetcher, request("http://example.com/"))).status == 200


def test_un_10_an_entry_admits_subdomains_only_with_a_wildcard() -> None:
    """In the original, `example.com` also admits every host below it, so you cannot grant one host alone. Here you write `*.example.com`
    for those, which does not include `example.com` itself."""
    assert admits("*.example.com", "https://api.example.com/")
    assert not admits("example.com", "https://api.example.com/")
    assert not admits("*.example.com", "https://example.com/")
    assert not admits("*.example.com", "https://evilexample.com/")


async def test_un_11_an_entry_denies_other_hosts() -> None:
    fetcher = Fetcher(parse_rules(["example.com", "*.example.com"]), resolver=FixedResolver(), network=MappedNetwork())
    assert await fetch_error(fetcher, request("https://example.org/")) is HttpError.NOT_ALLOWED


@pytest.mark.parametrize("key", ["", "id", "secret", "a-revealing-key"])
async def test_un_12_keys_are_never_shown(application: RecordingServer, backend: HttpBackend, key: str) -> None:
    """The original shows `<empty>`, `***` and `se…et`. A key may be a name or an address, so no part of it is shown here: the debug
    stream names only the namespace."""
    application.reply({"value": "v"})
    caller = Caller(backend=backend, secrets={key: "value"})
    await caller.call("storage.get", "contacts", key)
    await caller.call("secrets.get", key)
    first, second = caller.sink.messages
    assert first.startswith("host call storage.get (namespace contacts): ok in ")
    assert second.startswith("host call secrets.get: ok in ")
    assert not key or key not in first.replace("contacts", "") + second.replace("secrets.get", "")


async def test_un_13_invoicing_without_the_capability_is_an_error() -> None:
    caller = Caller(granted=ALL - {Capability.INVOICE_MANUAL_CREATE})
    result = await caller.call("invoicing.create-manual-invoice", INVOICE)
    assert (result.success, result.error) == (False, "Permission denied: cap:invoice.manual.create not granted")


async def test_un_14_invoicing_without_an_install_is_an_error() -> None:
    result = await Caller(install_id=None).call("invoicing.create-manual-invoice", INVOICE)
    assert (result.success, result.error) == (False, "Permission denied: install_id missing")


async def test_un_15_a_client_list_with_one_malformed_client_is_rejected(application: RecordingServer, backend: HttpBackend) -> None:
    everything = t.ClientsListInput(None, None, None, None)
    application.reply({"items": [CLIENT]})
    assert [client.client_id for client in (await Caller(backend=backend).call("clients.list-clients", everything)).items] == ["c-1"]
    application.reply({"items": [CLIENT, CLIENT | {"clientId": 7}]})
    assert await Caller(backend=backend).error_case("clients.list-clients", everything) is ClientReadError.INTERNAL


async def test_un_16_a_service_of_an_unknown_kind_is_rejected(application: RecordingServer, backend: HttpBackend) -> None:
    application.reply({"item": SERVICE | {"itemKind": "unsupported"}})
    assert await Caller(backend=backend).error_case("services.get-service", "s-1") is ServiceReadError.INTERNAL


async def test_un_17_a_service_list_with_one_malformed_service_is_rejected(application: RecordingServer, backend: HttpBackend) -> None:
    everything = t.ServicesListInput(None, None, None, None, None, None)
    application.reply({"items": [SERVICE]})
    assert [service.service_id for service in (await Caller(backend=backend).call("services.list-services", everything)).items] == ["s-1"]
    application.reply({"items": [SERVICE, SERVICE | {"billingMethod": "bogus"}]})
    assert await Caller(backend=backend).error_case("services.list-services", everything) is ServiceReadError.INTERNAL


async def test_un_18_a_redirect_is_returned_and_not_followed(application: RecordingServer) -> None:
    application.answer = lambda _: RedirectResponse("/target", status_code=302)
    response = await fetch(local_fetcher(application), request(application.url))
    assert response.status == 302
    assert ("location", "/target") in [(header.name.lower(), header.value) for header in response.headers]
    assert [seen.path for seen in application.requests] == ["/"]
