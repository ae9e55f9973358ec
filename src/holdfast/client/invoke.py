"""Calls an extension through the gateway of the running platform, with the API key of the development account."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from holdfast.errors import HoldfastError
from holdfast.platform.credentials import credentials_file
from holdfast.platform.lock_file import require_platform
from holdfast.records.development_tenant import DevelopmentAccount

# The gateway enforces the deadline of the call (at most 60 s); this limit is for a gateway that hangs.
WAIT_SECONDS = 90.0

_METHOD = re.compile(r"[A-Za-z]{1,16}")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*([^\r\n\x00]*)")


class CallMalformed(HoldfastError):
    """Raised when the method or a header is malformed."""

    code = "call_malformed"
    status = 400


class GatewayUnreachable(HoldfastError):
    """Raised when the gateway does not respond, or its credentials cannot be read."""

    code = "gateway_unreachable"
    status = 502


class ExtensionResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The response: status, reason phrase, headers in order (names in lower case) and the bytes of the body."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

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
    data_dir: Path,
    extension: str,
    method: str,
    path: str,
    *,
    data: str | None,
    headers: Sequence[str],
    credentials: Path | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> ExtensionResponse:
    """Calls `path` (with its query) of the extension; `headers` are lines `Name: value`. Every status is a result.

    `credentials` is the file of the development account; None means credentials.json in the data folder.

    Raises NotRunning, CallMalformed, GatewayUnreachable.
    """
    running = require_platform(data_dir)
    if not _METHOD.fullmatch(method):
        raise CallMalformed(f"{method!r} is not an HTTP method.", hint="Use GET, POST, PUT, PATCH or DELETE.")
    sent = [_header(line) for line in headers]
    if data is not None and not any(name.lower() == "content-type" for name, _ in sent):
        sent.append(("content-type", "application/json"))
    if not any(name.lower() in {"x-api-key", "authorization"} for name, _ in sent):
        sent.append(("x-api-key", await asyncio.to_thread(_api_key, credentials or credentials_file(data_dir))))
    url = f"{running.console}/api/ext/{quote(extension, safe='')}/{path.removeprefix('/')}"
    async with httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=WAIT_SECONDS, transport=transport) as client:
        try:
            response = await client.request(method.upper(), url, headers=sent, content=None if data is None else data.encode())
        except (httpx2.HTTPError, httpx2.InvalidURL) as failed:
            raise GatewayUnreachable(
                f"The gateway at {running.console} did not respond: {type(failed).__name__}.", hint="Check the output of `holdfast up`."
            ) from failed
    return ExtensionResponse(
        status=response.status_code, reason=response.reason_phrase, headers=list(response.headers.multi_items()), body=response.content
    )


def _header(line: str) -> tuple[str, str]:
    match = _HEADER.fullmatch(line.strip())
    if match is None:
        raise CallMalformed(f"{line!r} is not a header.", hint="Write it as 'Name: value'.")
    return match[1], match[2].strip()


def _api_key(file: Path) -> str:
    try:
        return msgspec.json.decode(file.read_bytes(), type=DevelopmentAccount).api_key
    except (OSError, msgspec.MsgspecError) as failed:
        raise GatewayUnreachable(f"Cannot read {file}.", hint="Restart `holdfast up`: it creates new credentials.") from failed
