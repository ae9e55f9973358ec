"""`GET /ext-ui/{extension}/{hash}/{path}`: the files of extension pages, from verified bundles, for tenants that have them installed."""

from __future__ import annotations

import re
from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from holdfast.bundles.cache import ArchiveHashMismatch, UnpackedBundle
from holdfast.bundles.hashing import hash_hex
from holdfast.bundles.store import InvalidBundleKey
from holdfast.errors import HoldfastError
from holdfast.runner.answers import guarded
from holdfast.runner.calls import BUNDLE_FAULTS
from holdfast.runner.errors import AssetTooLarge, InvalidUiHash, UiNotFound
from holdfast.runner.services import RunnerServices
from holdfast.runner.ui_paths import clean_path, suffix
from holdfast.runner.ui_policy import content_security_policy, file_headers, matches

_HASH = re.compile(r"sha256:[0-9a-f]{64}", re.IGNORECASE | re.ASCII)
_HINTS = 10_000
INDEX = "index.html"

_TYPES = {
    "html": "text/html",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "css": "text/css",
    "json": "application/json",
    "map": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "ico": "image/x-icon",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "ttf": "font/ttf",
    "otf": "font/otf",
    "wasm": "application/wasm",
    "txt": "text/plain",
    "webmanifest": "application/manifest+json",
}


class ExtractFailedHere(HoldfastError):
    """Raised when the bundle of a page cannot be had, for whatever reason but a wrong hash."""

    code = "extract_failed"
    status = 500


class UiFiles:
    """Serves pages. Remembers which tenant a version was validated for: files that a page asks for by itself name no tenant."""

    def __init__(self, services: RunnerServices) -> None:
        self._services = services
        self._policy = content_security_policy(services.settings)
        self._hints: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def serve(self, request: Request) -> Response:
        """Raises InvalidUiHash, InvalidUiPath, UiNotFound, ArchiveHashMismatch, ExtractFailedHere, AssetTooLarge."""
        extension_id, written = request.path_params["extension_id"], request.path_params["content_hash"]
        if not _HASH.fullmatch(written):
            raise InvalidUiHash("invalid content hash", hint="It is sha256: followed by 64 hexadecimal digits.")
        digest = hash_hex(written)
        path = clean_path(request.path_params["path"])
        query = request.query_params
        given = query["tenant"] if "tenant" in query else request.headers.get("x-tenant-id", "")
        tenant_id = await self._tenant(given.strip(), extension_id, digest)
        bundle = await self._bundle(tenant_id, extension_id, digest)
        return self._file(request, bundle, path)

    async def _tenant(self, given: str, extension_id: str, digest: str) -> str:
        key = (extension_id, digest)
        hint = self._hints.get(key)
        validate, content_hash = self._services.validator.tenant_of, f"sha256:{digest}"
        found: str | None
        if not self._services.settings.static_strict_validation and (given or hint):
            found = given or hint
        elif given:
            found = await validate(given, extension_id, content_hash)
        else:
            found = await validate(hint, extension_id, content_hash)
            if found is None and hint is not None:
                # The tenant that was seen here before has it no longer; another may.
                del self._hints[key]
                found = await validate(None, extension_id, content_hash)
        if not found:
            raise UiNotFound("There is no such page, or not for this tenant.", hint="Is the extension installed and enabled?")
        self._hints[key] = found
        self._hints.move_to_end(key)
        if len(self._hints) > _HINTS:
            self._hints.popitem(last=False)
        return found

    async def _bundle(self, tenant_id: str, extension_id: str, digest: str) -> UnpackedBundle:
        try:
            return await self._services.cache.ensure(tenant_id, extension_id, digest)
        except ArchiveHashMismatch:
            raise
        except InvalidBundleKey:
            raise UiNotFound("There is no such page.") from None
        except BUNDLE_FAULTS as error:
            raise ExtractFailedHere(error.message, hint=error.hint) from error

    def _file(self, request: Request, bundle: UnpackedBundle, path: str) -> Response:
        name = path
        if name not in bundle.ui_files:
            if suffix(path):
                raise UiNotFound(f"The extension has no file {path}.")
            # A route of the page itself: the page decides what it shows.
            name = INDEX
        entry = bundle.ui_files.get(name)
        if entry is None:
            raise UiNotFound("The extension has no ui/index.html.")
        limit = self._services.settings.static_max_file_bytes
        if limit is not None and entry.size > limit:
            raise AssetTooLarge("asset too large", hint="EXT_STATIC_MAX_FILE_BYTES is the limit.")
        etag = f'"sha256-{entry.sha256}"'
        kind = _TYPES.get(suffix(name), "application/octet-stream")
        # A drawing can hold scripts, which run when it is opened by its address.
        policy = self._policy if kind in ("text/html", "image/svg+xml") else None
        headers = file_headers(etag=etag, document=kind == "text/html", policy=policy)
        if matches(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        return FileResponse(bundle.ui / name, headers=headers, media_type=kind)


def routes(services: RunnerServices) -> list[BaseRoute]:
    """The route of pages; it needs no token, because browsers have none."""
    files = UiFiles(services)
    return [Route("/ext-ui/{extension_id}/{content_hash}/{path:path}", guarded(files.serve), methods=["GET", "HEAD"])]
