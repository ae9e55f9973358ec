"""`/healthz`, `/health` and `/readyz`: whether the runner works, and whether it accepts calls."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.http.responses import json_response
from holdfast.runner.services import RunnerServices

_STORE_SECONDS = 1.0


async def health(services: RunnerServices, request: Request) -> Response:
    """200 when the cache is writable, else 503; the body also says whether the bundle store is reachable."""
    writable, reachable = await asyncio.gather(asyncio.to_thread(_is_writable, services.cache.root), _is_store_reachable(services))
    content = {
        "cache_writable": writable,
        "bundle_store": "ok" if reachable else "bundle_store_unreachable",
        "ext_cache_max_bytes": str(services.settings.cache_max_bytes),
    }
    return json_response(content, 200 if writable else 503)


async def readiness(services: RunnerServices, request: Request) -> Response:
    """200 while the runner accepts calls, else 503: a runner that stops is still healthy but accepts no new calls."""
    return json_response({"ready": services.ready, "calls": services.concurrency.running}, 200 if services.ready else 503)


def _is_writable(root: Path) -> bool:
    probe = root / f".healthz-{secrets.token_hex(4)}.tmp"
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"ok")
        probe.unlink()
    except OSError:
        return False
    return True


async def _is_store_reachable(services: RunnerServices) -> bool:
    try:
        async with asyncio.timeout(_STORE_SECONDS):
            await services.store.check()
    except (BundleStoreUnavailable, TimeoutError):
        return False
    return True
