"""Calls an extension through a gateway, as its users do."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from holdfast.client.gateway import GatewayUnreachable
from holdfast.client.target import ServerTarget
from holdfast.errors import HoldfastError

# The gateway enforces the deadline of the call (at most 60 s); this limit is for a gateway that hangs.
WAIT_SECONDS = 90.0

_METHOD = re.compile(r"[A-Za-z]{1,16}")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*([^\r\n\x00]*)")


class CallMalformed(HoldfastError):
    """Raised when the method, the path, a header or the body is malformed."""

    code = "call_malformed"
    status = 400


class ExtensionResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The response: status, reason phrase, headers in order (names in lower case) and the bytes of the body."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def request_id(self) -> str | None:
        """The id under which logs name the request."""
        return next((value for name, value in self.headers if name == "x-request-id"), None)

    @property
    def is_of_extension(self) -> bool:
        """Whether the extension itself responded: the gateway isolates what it passes on, and nothing else."""
        return any(name == "content-security-policy" and value.startswith("sandbox") for name, value in self.headers)

    def to_json(self) -> dict[str, Any]:
        """`{status, headers, body}`, the body as text; `{…, body, encoding: "base64"}` when it is not UTF-8."""
        headers: dict[str, str] = {}
        for name, value in self.headers:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        shape: dict[str, Any] = {"status": self.status, "headers": headers}
        try:
            return shape | {"body": self.body.decode()}
        except UnicodeDecodeError:
            return shape | {"body": base64.b64encode(self.body).decode(), "encoding": "base64"}


async def call_extension(
    gateway: ServerTarget,
    extension: str,
    method: str,
    path: str,
    *,
    data: bytes | None,
    headers: Sequence[str],
    transport: httpx2.AsyncBaseTransport | None = None,
) -> ExtensionResponse:
    """Calls `path` (with its query) of the extension; `headers` are lines `Name: value`. Every status is a result.

    Raises CallMalformed, GatewayUnreachable.
    """
    if not _METHOD.fullmatch(method):
        raise CallMalformed(f"{method!r} is not an HTTP method.", hint="Use GET, POST, PUT, PATCH or DELETE.")
    sent = [_header(line) for line in headers]
    if data is not None and not any(name.lower() == "content-type" for name, _ in sent):
        sent.append(("content-type", "application/json"))
    if not any(name.lower() in {"x-api-key", "authorization"} for name, _ in sent):
        sent.append(("x-api-key", gateway.api_key))
    url = f"{gateway.url}/api/ext/{quote(extension, safe='')}/{path.removeprefix('/')}"
    async with httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=WAIT_SECONDS, transport=transport) as client:
        try:
            response = await client.request(method.upper(), url, headers=sent, content=data)
        except (httpx2.HTTPError, httpx2.InvalidURL) as failed:
            raise GatewayUnreachable(
                f"The gateway at {gateway.url} did not respond: {type(failed).__name__}.", hint="Check that it runs, and its output."
            ) from failed
    return ExtensionResponse(
        status=response.status_code, reason=response.reason_phrase, headers=list(response.headers.multi_items()), body=response.content
    )


def _header(line: str) -> tuple[str, str]:
    match = _HEADER.fullmatch(line.strip())
    if match is None:
        raise CallMalformed(f"{line!r} is not a header.", hint="Write it as 'Name: value'.")
    return match[1], match[2].strip()
