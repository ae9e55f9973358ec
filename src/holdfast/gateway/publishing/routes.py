"""`/api/ext-bundles/*`: publishing in two requests, an upload and its finalising, as the published tools do it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.gateway.api.camel_case import camel
from holdfast.gateway.api.parameters import writing
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.internal.auth import read_json
from holdfast.gateway.publishing.component_check import ComponentChecker
from holdfast.gateway.publishing.responses import publishing
from holdfast.gateway.publishing.upload import announced, pieces
from holdfast.gateway.services import Services
from holdfast.gateway.services.publish_rate_limit import PublishRateLimit
from holdfast.http.responses import json_response
from holdfast.registry.publishing.uploads import abort_upload, finalize_upload, stage_upload

_BODY_MAX_BYTES = 4 * 1024 * 1024
_Key = Annotated[str, Meta(min_length=1, max_length=512)]


class SignatureText(Struct, frozen=True):
    """The text of a `.minisig` file."""

    text: Annotated[str, Meta(min_length=1, max_length=16_384)]
    algorithm: str = "minisign"


class Finalize(Struct, frozen=True, rename="camel"):
    """The body of `finalize`. `declared_hash` is 64 hexadecimal digits; `manifest_json` must be what the archive holds."""

    key: _Key
    size: int | None = None
    declared_hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    manifest_json: str | None = None
    signature: SignatureText | None = None


class Abort(Struct, frozen=True):
    """The body of `abort`. The reason is for people."""

    key: _Key
    reason: Annotated[str, Meta(max_length=1_024)] | None = None


def routes(services: Services) -> list[BaseRoute]:
    """The three routes. They need `extension:write`; no other header opens them."""
    settings = services.settings
    rate_limit = PublishRateLimit(count=settings.ext_bundles_ratelimit_max, seconds=settings.ext_bundles_ratelimit_window_ms / 1_000)
    policy = TrustPolicy.from_settings(settings)
    check_component = ComponentChecker(services.runner)

    async def upload_proxy(request: Request) -> Response:
        actor = await writing(services, request)
        rate_limit.acquire(actor.tenant_id, "upload-proxy")
        about = announced(request)
        upload = await stage_upload(
            services.db,
            services.store,
            pieces(request, about.size),
            actor=actor,
            filename=about.filename,
            size=about.size,
            declared_hash=about.declared_hash,
            now=services.now,
        )
        answer = {"upload": {"key": upload.key, "strategy": "staging"}, "filename": upload.filename, "size": upload.size}
        return json_response(answer if upload.declared_hash is None else {**answer, "declaredHash": upload.declared_hash})

    async def finalize(request: Request) -> Response:
        actor = await writing(services, request)
        rate_limit.acquire(actor.tenant_id, "finalize")
        asked = await read_json(request, Finalize, _BODY_MAX_BYTES)
        if asked.signature is not None and asked.signature.algorithm != "minisign":
            raise InvalidRequest("Only signatures of minisign are known here.", hint="Sign with `holdfast sign`, or send none.")
        published = await finalize_upload(
            services.db,
            services.store,
            asked.key,
            actor=actor,
            policy=policy,
            size=asked.size,
            declared_hash=asked.declared_hash,
            manifest_text=None if asked.manifest_json is None else asked.manifest_json.encode(),
            signature=None if asked.signature is None else asked.signature.text.encode(),
            check_component=check_component,
            now=services.now,
        )
        answer = {
            "extension": {"id": published.registry_id, "name": published.name, "publisher": published.publisher},
            "version": {"id": published.version_id, "version": published.version},
            "contentHash": published.content_hash.removeprefix("sha256:"),
            "canonicalKey": published.key,
            "published": camel(published),
        }
        return json_response(answer)

    async def abort(request: Request) -> Response:
        actor = await writing(services, request)
        rate_limit.acquire(actor.tenant_id, "abort")
        asked = await read_json(request, Abort, 16_384)
        status = await abort_upload(services.db, services.store, asked.key, actor=actor, now=services.now)
        return json_response({"status": status, "key": asked.key, "area": "staging" if "/_staging/" in asked.key else "canonical"})

    return [
        Route("/api/ext-bundles/upload-proxy", publishing(upload_proxy, store_code="S3_PUT_FAILED", tells_why=True), methods=["POST"]),
        Route("/api/ext-bundles/finalize", publishing(finalize, store_code="S3_GET_FAILED"), methods=["POST"]),
        Route("/api/ext-bundles/abort", publishing(abort, store_code="S3_DELETE_FAILED"), methods=["POST"]),
    ]
