"""`POST /warmup`: makes a bundle ready before its first call."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from holdfast.http.responses import json_response
from holdfast.runner.http.errors import WarmupIncomplete, WrongShape
from holdfast.runner.http.json_body import decode, read_json
from holdfast.runner.http.service_token import require_token
from holdfast.runner.services import RunnerServices

_MAX_BYTES = 16 * 1024

Name = Annotated[str, Meta(min_length=1)]


class WarmupCall(Struct, frozen=True, kw_only=True):
    """The request body."""

    tenant_id: Name
    extension_id: Name
    content_hash: Name


async def warmup(services: RunnerServices, request: Request) -> Response:
    """Fetches a bundle and compiles its component. Needs the service token."""
    require_token(request.headers, services.caller_token)
    call = _decode(await read_json(request.headers, request.receive, _MAX_BYTES))
    async with services.cache.use(call.tenant_id, call.extension_id, call.content_hash) as bundle:
        if bundle.component is not None and bundle.component_sha256 is not None:
            await services.engine.load(bundle.component, bundle.component_sha256)
        return json_response({"ok": True, "component": bundle.component is not None})


def _decode(body: bytes) -> WarmupCall:
    """Callers of the existing runner expect 400 with this text for a body that names only the hash."""
    try:
        return decode(body, WarmupCall)
    except WrongShape as error:
        raise WarmupIncomplete(
            "warmup unsupported without tenant + extension context",
            hint=f"Send tenant_id, extension_id and content_hash. {error.message}",
        ) from None
