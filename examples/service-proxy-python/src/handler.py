"""Reads tickets from another service. Runs as a WebAssembly component, with a fresh instance for every call."""

from datetime import UTC, datetime
from typing import Any

from holdfast_sdk import Fetched, Host, HostError, Request, Response, json_response

KEY_NAME = "ALGA_API_KEY"
DEFAULT_BASE = "https://api.example.com"
DEFAULT_LIMIT, MAX_LIMIT = 10, 100


class Failure(Exception):
    """A failure that the caller sees. `upstream_status` is None if the ticket service did not respond."""

    def __init__(self, status: int, code: str, message: str, upstream_status: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.upstream_status = status, code, upstream_status


def read_limit(given: Any) -> int:
    """A whole number from 1 to 100, whatever was given."""
    try:
        return min(max(int(DEFAULT_LIMIT if given is None else given), 1), MAX_LIMIT)
    except (TypeError, ValueError, OverflowError):
        return DEFAULT_LIMIT


def read_tickets(body: Any) -> list[dict[str, str]] | None:
    """The tickets of `[…]`, `{"data": […]}` or `{"tickets": […]}`; None if it is something else."""
    tickets = body.get("data", body.get("tickets")) if isinstance(body, dict) else body
    if not isinstance(tickets, list):
        return None
    return [{name: str(ticket.get(name, "")) for name in ("id", "title", "status", "client")} for ticket in tickets]


def read_key(host: Host) -> str:
    try:
        return host.secrets.get(KEY_NAME)
    except HostError as error:
        raise Failure(500, "missing_alga_api_key", f"Set the secret {KEY_NAME} first ({error.code}).") from None


def send_request(request: Request, host: Host, limit: int) -> Fetched:
    base = request.context.config.get("algaApiBase", DEFAULT_BASE).removesuffix("/")
    headers = {"authorization": f"Bearer {read_key(host)}", "x-request-id": request.context.request_id or ""}
    try:
        return host.http.fetch(f"{base}/api/tickets?limit={limit}", headers=headers)
    except HostError as error:
        code = f"fetch_{error.code.replace('-', '_')}"
        raise Failure(502, code, f"The ticket service could not be called: {error.code}.") from None


def fetch_tickets(request: Request, host: Host, limit: int) -> tuple[list[dict[str, str]], int]:
    response = send_request(request, host, limit)
    if not 200 <= response.status <= 299:
        raise Failure(502, "upstream_error", f"The ticket service responded with status {response.status}.", response.status)
    try:
        tickets = read_tickets(response.json())
    except ValueError:
        tickets = None
    if tickets is None:
        message = "The ticket service sent something else than tickets."
        raise Failure(502, "failed_to_parse_ticket_payload", message, response.status)
    return tickets, response.status


def answer(request: Request, host: Host, given: Any, *, from_proxy: bool) -> Response:
    limit = read_limit(given)
    fetched_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    common = {"limit": limit, "fromProxy": from_proxy, "fetchedAt": fetched_at}
    try:
        tickets, status = fetch_tickets(request, host, limit)
    except Failure as failure:
        host.logging.warn("Tickets not fetched", error=failure.code, upstreamStatus=failure.upstream_status)
        body = {"ok": False, "tickets": [], "upstreamStatus": failure.upstream_status, "error": failure.code, "message": str(failure)}
        return json_response(body | common, failure.status)
    host.logging.info("Tickets fetched", count=len(tickets))
    return json_response({"ok": True, "tickets": tickets, "upstreamStatus": status, "error": None} | common)


def limit_of_body(request: Request) -> Any:
    try:
        body = request.json()
    except ValueError:
        return None
    return body.get("limit") if isinstance(body, dict) else None


def handler(request: Request, host: Host) -> Response:
    match request.method, request.path:
        case "GET", "/api/tickets":
            return answer(request, host, request.query.get("limit", [None])[0], from_proxy=False)
        case "POST", "/proxy/tickets":
            return answer(request, host, limit_of_body(request), from_proxy=True)
        case method, path:
            return json_response({"error": "not_found", "message": f"There is no {method} {path}."}, 404)
