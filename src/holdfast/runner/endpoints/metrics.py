"""`GET /metrics` for Prometheus."""

from __future__ import annotations

import asyncio

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response

from holdfast.http.response_headers import HEADERS
from holdfast.runner.http.service_token import require_token
from holdfast.runner.services import RunnerServices


async def metrics(services: RunnerServices, request: Request) -> Response:
    """All metrics as text. Needs the service token, which Prometheus sends as `Authorization: Bearer`: the domains of extensions reach
    every route of the runner."""
    require_token(request.headers, services.caller_token, bearer=True)
    await asyncio.sleep(0)  # calls are counted at the end of the loop iteration in which they end
    content = await asyncio.to_thread(services.metrics.exposition)
    return Response(content, headers=HEADERS | {"content-type": CONTENT_TYPE_PLAIN_0_0_4})
