"""Unit tests of the handler. They need `src` and the folder of the SDK on the path; the README has the command."""

import json
import unittest
from typing import Any

from handler import handler, read_limit
from holdfast_sdk import Context, Fetched, HostError, Request
from holdfast_sdk.testing import MemoryHost

TICKET = {"id": "T-1", "title": "Printer", "status": "Open", "client": "Northwind"}


class Secrets:
    def __init__(self, value: str | HostError) -> None:
        self.value = value

    def get(self, key: str) -> str:
        if isinstance(self.value, HostError):
            raise self.value
        return self.value


class TicketService:
    """Responds as given, and records the requests."""

    def __init__(self, answer: Fetched | HostError) -> None:
        self.answer = answer
        self.sent: list[tuple[str, Any]] = []

    def fetch(self, url: str, *, headers: Any) -> Fetched:
        self.sent.append((url, headers))
        if isinstance(self.answer, HostError):
            raise self.answer
        return self.answer


def ask(
    answer: Fetched | HostError, *, key: str | HostError = "key-1", **request: Any
) -> tuple[int, dict[str, Any], TicketService, MemoryHost]:
    service = TicketService(answer)
    host = MemoryHost(secrets=Secrets(key), http=service)
    response = handler(Request(**{"method": "GET", "url": "/api/tickets"} | request), host)
    return response.status, json.loads(response.body or b""), service, host


class HandlerTest(unittest.TestCase):
    def test_tickets_come_from_the_configured_service_with_the_key(self) -> None:
        context = Context("tenant", "extension", "request-1", config={"algaApiBase": "https://tickets.example.com/"})
        found = Fetched(200, (), json.dumps({"data": [TICKET]}).encode())
        status, body, service, _ = ask(found, url="/api/tickets?limit=3", context=context)
        self.assertEqual((status, body["ok"], body["tickets"], body["limit"], body["fromProxy"]), (200, True, [TICKET], 3, False))
        headers = {"authorization": "Bearer key-1", "x-request-id": "request-1"}
        self.assertEqual(service.sent, [("https://tickets.example.com/api/tickets?limit=3", headers)])

    def test_the_proxy_route_takes_the_limit_from_the_body(self) -> None:
        _, body, _, _ = ask(Fetched(200, (), b"[]"), method="POST", url="/proxy/tickets", body=b'{"limit": 500}')
        self.assertEqual((body["limit"], body["fromProxy"]), (100, True))

    def test_failures_are_502_with_a_code_and_do_not_show_the_key(self) -> None:
        cases = [
            (Fetched(401, (), b""), "upstream_error", 401),
            (Fetched(200, (), b"<html>"), "failed_to_parse_ticket_payload", 200),
            (Fetched(200, (), b"{}"), "failed_to_parse_ticket_payload", 200),
            (HostError("http.fetch", "not-allowed"), "fetch_not_allowed", None),
        ]
        for answer, error, upstream in cases:
            with self.subTest(error=error):
                status, body, _, host = ask(answer)
                self.assertEqual((status, body["ok"], body["error"], body["upstreamStatus"]), (502, False, error, upstream))
                self.assertNotIn("key-1", json.dumps([body, str(host.logs)]))

    def test_a_missing_key_is_reported(self) -> None:
        status, body, _, _ = ask(Fetched(200, (), b"[]"), key=HostError("secrets.get", "missing"))
        self.assertEqual((status, body["error"]), (500, "missing_alga_api_key"))

    def test_a_limit_is_between_1_and_100_by_default_10(self) -> None:
        self.assertEqual([read_limit(given) for given in (None, "7", 0, 1000, "many", 2.9)], [10, 7, 1, 100, 10, 2])


if __name__ == "__main__":
    unittest.main()
