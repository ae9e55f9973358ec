"""Requests files of pages and reads the raw bytes of the response."""

from __future__ import annotations

from typing import NamedTuple

import httpx2

from tests.runner.conftest import EXTENSION, TENANT, Runner


class Sent(NamedTuple):
    """One response. `raw` is its body, still encoded."""

    status: int
    headers: httpx2.Headers
    raw: bytes


async def sent(runner: Runner, digest: str, path: str, *, tenant: str | None = TENANT, method: str = "GET", **headers: str) -> Sent:
    """Requests a file. Unless `accept_encoding` is given, the request has no such header."""
    query = "" if tenant is None else f"?tenant={tenant}"
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = runner.client.build_request(method, f"/ext-ui/{EXTENSION}/sha256:{digest}/{path}{query}", headers=given)
    if "accept_encoding" not in headers:
        del request.headers["accept-encoding"]
    response = await runner.client.send(request, stream=True)
    try:
        return Sent(response.status_code, response.headers, b"".join([chunk async for chunk in response.aiter_raw()]))
    finally:
        await response.aclose()
