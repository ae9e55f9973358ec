"""`POST /warmup`: makes a bundle ready before its first call."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from holdfast.bundles.store.hashing import normalize_content_hash
from holdfast.bundles.store.keys import bundle_key
from holdfast.http.responses import json_response
from holdfast.runner.execute.warmup_queue import RETRY_SECONDS
from holdfast.runner.http.errors import WarmupIncomplete, WrongShape
from holdfast.runner.http.json_body import decode, read_json
from holdfast.runner.http.service_token import require_token
from holdfast.runner.services import RunnerServices

_MAX_BYTES = 16 * 1024

Name = Annotated[str, Meta(min_length=1)]


class WarmupCall(Struct, frozen=True, kw_only=True):
    """The request body. `wait_ms` is Holdfast's own field: how long to wait until the bundle is ready, in milliseconds; 0 not at all."""

    tenant_id: Name
    extension_id: Name
    content_hash: Name
    wait_ms: Annotated[float, Meta(ge=0, le=600_000)] | None = None


async def warmup(services: RunnerServices, request: Request) -> Response:
    """Fetches a bundle and compiles its component. Needs the service token.

    Without `wait_ms`, responds when the bundle is ready. With it, responds at that time at the latest, with 202 when the bundle is still
    being prepared; that goes on, and the same request tells later whether it has ended.
    """
    require_token(request.headers, services.caller_token)
    call = _decode(await read_json(request.headers, request.receive, _MAX_BYTES))
    # Raises for what can be no bundle, before it takes a place in the queue.
    bundle_key(call.tenant_id, call.extension_id, call.content_hash)
    place = (call.tenant_id, call.extension_id, normalize_content_hash(call.content_hash))
    if call.wait_ms is None:
        return json_response({"ok": True, "component": await services.warmups.prepare(place)})
    component = await services.warmups.prepare(place, call.wait_ms / 1000)
    if component is None:
        return json_response({"ok": False, "state": "preparing"}, 202, {"retry-after": str(RETRY_SECONDS)})
    return json_response({"ok": True, "component": component, "state": "ready"})


def _decode(body: bytes) -> WarmupCall:
    """Callers of the existing runner expect 400 with this text for a body that names only the hash."""
    try:
        return decode(body, WarmupCall)
    except WrongShape as error:
        raise WarmupIncomplete(
            "warmup unsupported without tenant + extension context",
            hint=f"Send tenant_id, extension_id and content_hash. {error.message}",
        ) from None
