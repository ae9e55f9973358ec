"""`POST /v1/components/check`: whether this runner can run a component, before anyone installs it. Compiling is the check."""

from __future__ import annotations

import asyncio
import hashlib
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response

from holdfast.concurrency.workspaces import temporary_folder
from holdfast.engine import ComponentError
from holdfast.http.bodies import BODY_SECONDS, is_declared_larger
from holdfast.http.responses import json_response
from holdfast.runner.http.errors import BodyTooLarge, BodyTooSlow, UnsupportedBody
from holdfast.runner.http.service_token import require_token
from holdfast.runner.services import RunnerServices

CONTENT_TYPE = "application/wasm"
COMPONENT_MAX_BYTES = 256 * 1024 * 1024
"""The size limit of a whole unpacked bundle."""


async def check_component(services: RunnerServices, request: Request) -> Response:
    """Compiles the component in the body, and leaves it where calls look for it. Needs the service token."""
    require_token(request.headers, services.caller_token)
    _check_headers(request)
    # A request that waits here has not been read yet, so the bytes of checks on disk are bounded too.
    async with services.component_checks:
        with temporary_folder("check") as folder:
            component = folder / "main.wasm"
            with component.open("wb") as file:
                sha256 = await _receive(request, file)
            loaded = await services.engine.load(component, sha256)
            if loaded.needs_source and services.settings.environment != "development":
                raise ComponentError(
                    "development_component_refused",
                    "The component contains no handler: it reads one from `holdfast dev`, on a platform in development only.",
                    hint="Run `holdfast build` and `holdfast pack`, and use that bundle.",
                )
    return json_response({"ok": True, "sha256": sha256})


def _check_headers(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise UnsupportedBody("The request body must be a component.", hint=f"Send content-type: {CONTENT_TYPE}.")
    if is_declared_larger(request.headers, COMPONENT_MAX_BYTES):
        raise _too_large()


async def _receive(request: Request, file: BinaryIO) -> str:
    """Writes the body to `file` and returns its SHA-256 in hex. Raises BodyTooLarge, BodyTooSlow, ClientDisconnect."""
    digest, size = hashlib.sha256(), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                size += len(piece)
                if size > COMPONENT_MAX_BYTES:
                    raise _too_large()
                digest.update(piece)
                file.write(piece)
    except TimeoutError:
        raise BodyTooSlow(f"The body did not arrive within {BODY_SECONDS:.0f} seconds.") from None
    return digest.hexdigest()


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"A component has at most {COMPONENT_MAX_BYTES} bytes.")
