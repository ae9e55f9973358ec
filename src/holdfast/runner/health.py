"""`/healthz`, `/health` and `/readyz`: is the runner well, and does it take calls."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.http.responses import json_response
from holdfast.runner.http.responses import respond_to_errors
from holdfast.runner.services import RunnerServices

_STORE_SECONDS = 1.0


def routes(services: RunnerServices) -> list[BaseRoute]:
    """Health of the process, and readiness: a runner that stops is still healthy but takes no new calls."""

    async def health(request: Request) -> Response:
        writable, reachable = await asyncio.gather(asyncio.to_thread(_writable, services.cache.root), _reachable(services))
        content = {
            "cache_writable": writable,
            "bundle_store": "ok" if reachable else "bundle_store_unreachable",
            "ext_cache_max_bytes": str(services.settings.cache_max_bytes),
        }
        return json_response(content, 200 if writable else 503)

    async def ready(request: Request) -> Response:
        return json_response({"ready": services.ready, "calls": services.admission.running}, 200 if services.ready else 503)

    return [
        Route("/healthz", respond_to_errors(health), methods=["GET"]),
        Route("/health", respond_to_errors(health), methods=["GET"]),
        Route("/readyz", respond_to_errors(ready), methods=["GET"]),
    ]


def _writable(root: Path) -> bool:
    probe = root / f".healthz-{secrets.token_hex(4)}.tmp"
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"ok")
        probe.unlink()
    except OSError:
        return False
    return True


async def _reachable(services: RunnerServices) -> bool:
    try:
        async with asyncio.timeout(_STORE_SECONDS):
            await services.store.check()
    except (BundleStoreUnavailable, TimeoutError):
        return False
    return True
