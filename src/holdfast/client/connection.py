"""Calls to a Holdfast server: one client, one way to send, and one sentence for each way in which that goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec

from holdfast.client.target import KEY_VARIABLE, ServerTarget
from holdfast.errors import HoldfastError

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
COMPILE_SECONDS = 300.0
"""How long the server may take to check and compile a published component."""

_WHICH = "Look at --server (or HOLDFAST_SERVER, ALGA_API_BASE_URL)."
_MESSAGE_MAX = 1_000


class ServerUnreachable(HoldfastError):
    """Raised when nothing answers at the server's address, or not in time."""

    code = "server_unreachable"
    status = 502


class ServerUnusable(HoldfastError):
    """Raised when what answers is not a Holdfast server, or one of another version."""

    code = "server_unusable"
    status = 502


class ServerRefused(HoldfastError):
    """Raised with the server's own refusal: its code, sentence, hint and details."""

    code = "server_refused"

    def __init__(self, known_as: str, message: str, *, hint: str | None, details: Any) -> None:
        super().__init__(message, hint=hint, details=details)
        self.known_as = known_as

    def to_json(self, *, request_id: str | None = None) -> dict[str, Any]:
        return super().to_json(request_id=request_id) | {"error": self.known_as}


class ServerConnection:
    """Sends requests with the API key and gives the JSON of the answers."""

    def __init__(self, target: ServerTarget, client: httpx2.AsyncClient) -> None:
        self.url = target.url
        self._client = client
        self._seconds = target.seconds

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        query: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """The JSON of a 2xx answer (None for 204). `json` or `content` is the body; `seconds` is how long an answer may take.

        Raises ServerUnreachable, ServerUnusable, ServerRefused.
        """
        sent = dict(headers or {})
        body: bytes | AsyncIterator[bytes] | None = content
        if json is not None:
            body, sent["content-type"] = msgspec.json.encode(json), "application/json"
        try:
            answer = await self._client.request(
                method,
                f"{self.url}{path}",
                params=query,
                content=body,
                headers=sent,
                timeout=httpx2.Timeout(self._seconds or seconds, connect=CONNECT_SECONDS),
            )
        except httpx2.ConnectError as failed:
            raise ServerUnreachable(f"Nothing answers at {self.url}.", hint=_WHICH) from failed
        except httpx2.TimeoutException as failed:
            raise ServerUnreachable(f"{self.url} did not answer in time.", hint="Try again; what was begun may have been done.") from failed
        except (httpx2.HTTPError, httpx2.InvalidURL) as failed:
            raise ServerUnreachable(f"The call to {self.url} broke off: {type(failed).__name__}.", hint="Try again.") from failed
        return self._read(answer)

    def _read(self, answer: httpx2.Response) -> Any:
        if answer.is_success and not answer.content:
            return None
        if answer.is_redirect:
            leads = answer.headers.get("location", "")
            raise ServerUnusable(
                f"{self.url} redirects to {leads[:_MESSAGE_MAX]!r}, and an API key is not sent on.", hint="Name the server's own address."
            )
        try:
            told = msgspec.json.decode(answer.content)
        except msgspec.DecodeError:
            kind = answer.headers.get("content-type", "no type").partition(";")[0]
            raise ServerUnusable(
                f"{self.url} answered {answer.status_code} with {kind[:_MESSAGE_MAX]}, not as Holdfast does: a proxy, or another server.",
                hint=_WHICH,
            ) from None
        if answer.is_success:
            return told
        raise self._refusal(answer.status_code, told)

    def _refusal(self, status: int, told: Any) -> HoldfastError:
        """The error of an answer: of the one shape, or of the contract's older ones, which nest it in `error`."""
        fields = told if isinstance(told, dict) else {}
        if isinstance(fields.get("error"), dict):
            fields = fields["error"]
        code = fields.get("code") or fields.get("error")
        message = fields.get("message") or fields.get("error")
        if not isinstance(code, str) or not isinstance(message, str):
            return ServerUnusable(f"{self.url} answered {status} without saying why.", hint=_WHICH)
        hint, details = fields.get("hint"), fields.get("details")
        hint = hint if isinstance(hint, str) else None
        message = message[:_MESSAGE_MAX]
        if status == 401:
            return ServerRefused(
                code, f"{self.url} does not accept the API key.", hint=f"Look at {KEY_VARIABLE}, or at --api-key-file.", details=None
            )
        return ServerRefused(code, message, hint=hint, details=details)


@asynccontextmanager
async def open_connection(target: ServerTarget, *, transport: httpx2.AsyncBaseTransport | None = None) -> AsyncIterator[ServerConnection]:
    """A connection for one command. It follows no redirect and reads no proxy or certificate settings from the environment."""
    headers = {"x-api-key": target.api_key, "accept": "application/json"}
    if target.tenant_id is not None:
        headers["x-tenant-id"] = target.tenant_id
    async with httpx2.AsyncClient(headers=headers, follow_redirects=False, trust_env=False, transport=transport) as client:
        yield ServerConnection(target, client)
