"""`/api/ext-bundles/*`: publishing in two requests, an upload and its finalization, as the published tools do it."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import InstalledResult, PublishedResult, to_result
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.http.errors import GatewayError, InvalidRequest
from holdfast.gateway.http.json_body import read_json
from holdfast.gateway.publishing.component_check import ComponentChecker
from holdfast.gateway.publishing.messages import (
    AbortRequest,
    AbortResult,
    ExtensionResult,
    FinalizeRequest,
    FinalizeResult,
    InstallUploadRequest,
    SignatureText,
    UploadLocation,
    UploadResult,
    VersionIdResult,
)
from holdfast.gateway.publishing.upload import parse_upload_query, read_chunks
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response

# A manifest of the largest permitted size, as a JSON string, fits.
_FINALIZE_MAX_BYTES = 4 * 1024 * 1024
_ABORT_MAX_BYTES = 16_384


async def upload(services: Services, request: Request, caller: Caller) -> Response:
    actor = caller.actor
    services.publish_rate_limit.acquire(actor.tenant_id, "upload-proxy")
    query = parse_upload_query(request)
    staged = await services.publishing.stage_upload(
        read_chunks(request, query.size),
        actor=actor,
        filename=query.filename,
        size=query.size,
        declared_hash=query.declared_hash,
    )
    declared_hash = UNSET if staged.declared_hash is None else staged.declared_hash
    return json_response(UploadResult(UploadLocation(staged.key, "staging"), staged.filename, staged.size, declared_hash))


async def finalize(services: Services, request: Request, caller: Caller) -> Response:
    actor = caller.actor
    services.publish_rate_limit.acquire(actor.tenant_id, "finalize")
    body = await read_json(request, FinalizeRequest, _FINALIZE_MAX_BYTES)
    published = await services.publishing.finalize_upload(
        body.key,
        actor=actor,
        size=body.size,
        declared_hash=body.declared_hash,
        manifest_text=None if body.manifest_json is None else body.manifest_json.encode(),
        signature=_signature(body.signature),
        check_component=ComponentChecker(services.runner),
    )
    return json_response(
        FinalizeResult(
            extension=ExtensionResult(published.registry_id, published.name, published.publisher),
            version=VersionIdResult(published.version_id, published.version),
            content_hash=published.content_hash.removeprefix("sha256:"),
            canonical_key=published.key,
            published=to_result(published, PublishedResult),
        )
    )


async def install_upload(services: Services, request: Request, caller: Caller) -> Response:
    if not services.is_development:
        raise GatewayError(
            "development_only",
            "This server runs in production, where a version is published once and never replaced.",
            hint="Publish the bundle with a new version number, then install that version.",
        )
    actor = caller.actor
    services.publish_rate_limit.acquire(actor.tenant_id, "finalize")
    body = await read_json(request, InstallUploadRequest, _ABORT_MAX_BYTES * 2)
    installed = await services.installs.install_upload(
        body.key,
        actor=actor,
        size=body.size,
        declared_hash=body.declared_hash,
        signature=_signature(body.signature),
        check_component=ComponentChecker(services.runner),
    )
    return json_response(to_result(installed, InstalledResult))


def _signature(sent: SignatureText | None) -> bytes | None:
    if sent is None:
        return None
    if sent.algorithm != "minisign":
        raise InvalidRequest("Only minisign signatures are supported.", hint="Sign with `holdfast sign`, or omit the signature.")
    return sent.text.encode()


async def abort(services: Services, request: Request, caller: Caller) -> Response:
    actor = caller.actor
    services.publish_rate_limit.acquire(actor.tenant_id, "abort")
    body = await read_json(request, AbortRequest, _ABORT_MAX_BYTES)
    status = await services.publishing.abort_upload(body.key, actor=actor)
    area: Literal["staging", "canonical"] = "staging" if "/_staging/" in body.key else "canonical"
    return json_response(AbortResult("deleted" if status == "deleted" else "noop", body.key, area))
