"""Errors of publishing in the form that the published tools read: `{error: sentence, code}`, and one form of its own for a duplicate."""

from __future__ import annotations

from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import RateLimited
from holdfast.gateway.http.requests import request_id
from holdfast.http.operations import Endpoint
from holdfast.http.responses import json_response
from holdfast.registry.errors import BadUpload, StagingNotFound, VersionConflict

WHY = "x-upload-proxy-why"
# Our codes, as the existing platform's tools know them.
_CODES = {
    "forbidden": "RBAC_FORBIDDEN",
    "rate_limited": "RATE_LIMIT",
    "invalid_request": "BAD_REQUEST",
    "payload_too_large": "BAD_REQUEST",
    "extract_failed": "MANIFEST_EXTRACTION_FAILED",
    "internal_error": "INTERNAL_ERROR",
}
_WHYS = {
    "unauthenticated": "unauthenticated",
    "RBAC_FORBIDDEN": "rbac_forbidden",
    "RATE_LIMIT": "rate_limited",
    "S3_PUT_FAILED": "s3_put_failed",
    "INTERNAL_ERROR": "unhandled_exception",
}

_log = structlog.get_logger(__name__)


def publishing(endpoint: Endpoint, *, store_code: str, tells_why: bool = False) -> Endpoint:
    """The endpoint with its errors made into answers. `store_code` is what it means when the bundle store does not do its part; with
    `tells_why`, the header x-upload-proxy-why repeats the reason."""

    async def answer(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except ClientDisconnect:
            return Response(status_code=499)
        except HoldfastError as error:
            response = _answer(error, request, store_code, tells_why)
        except Exception:
            _log.exception("a request failed unexpectedly", request_id=request_id(request), path=request.url.path)
            failed = HoldfastError("Something went wrong here.", hint="The log has the details under this request id.")
            response = _answer(failed, request, store_code, tells_why)
        response.headers["x-request-id"] = request_id(request)
        return response

    return answer


def _answer(error: HoldfastError, request: Request, store_code: str, tells_why: bool) -> Response:
    status, code = _status_and_code(error, store_code)
    headers = {}
    if tells_why:
        headers[WHY] = _why(error, code)
    if isinstance(error, RateLimited):
        headers["retry-after"] = str(error.retry_after_seconds)
    if isinstance(error, VersionConflict):
        told = {"message": error.message, "code": code, "hint": error.hint, "details": error.details}
        return json_response({"success": False, "error": {name: part for name, part in told.items() if part is not None}}, status, headers)
    shape: dict[str, Any] = {"error": error.message, "code": code}
    if error.hint is not None:
        shape["hint"] = error.hint
    if error.details is not None:
        shape["details"] = error.details
    return json_response({**shape, "requestId": request_id(request)}, status, headers)


def _status_and_code(error: HoldfastError, store_code: str) -> tuple[int, str]:
    if isinstance(error, BundleStoreUnavailable):
        return 500, store_code
    if isinstance(error, StagingNotFound):
        return 400, error.code
    return error.status, _CODES.get(error.code, error.code)


def _why(error: HoldfastError, code: str) -> str:
    if isinstance(error, BadUpload) and isinstance(error.details, dict) and isinstance(error.details.get("why"), str):
        return str(error.details["why"])
    return _WHYS.get(code, code.lower())
