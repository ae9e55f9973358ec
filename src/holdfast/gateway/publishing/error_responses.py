"""Errors of publishing in the shape that the published tools read: `{error: sentence, code}`, and another one for a duplicate version."""

from __future__ import annotations

from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.errors import HoldfastError
from holdfast.gateway.http.error_formats import ERROR_DETAILS
from holdfast.gateway.http.errors import RateLimited
from holdfast.gateway.http.requests import request_id
from holdfast.http.operations import Endpoint, ErrorFormat, NamedSchema
from holdfast.http.responses import json_response
from holdfast.registry.errors import BadUpload, StagingNotFound, VersionConflict

REASON_HEADER = "x-upload-proxy-why"
# Our codes, as the existing platform's tools know them.
_TOOL_CODES = {
    "forbidden": "RBAC_FORBIDDEN",
    "rate_limited": "RATE_LIMIT",
    "invalid_request": "BAD_REQUEST",
    "payload_too_large": "BAD_REQUEST",
    "extract_failed": "MANIFEST_EXTRACTION_FAILED",
    "internal_error": "INTERNAL_ERROR",
}
_REASONS = {
    "unauthenticated": "unauthenticated",
    "RBAC_FORBIDDEN": "rbac_forbidden",
    "RATE_LIMIT": "rate_limited",
    "S3_PUT_FAILED": "s3_put_failed",
    "INTERNAL_ERROR": "unhandled_exception",
}

_log = structlog.get_logger(__name__)

_SCHEMA = NamedSchema(
    "BundleError",
    {
        "type": "object",
        "description": "An error of publishing: `error` is a sentence, `code` is stable. If the version exists, both are in `error`.",
        "required": ["error"],
        "properties": {
            "error": {"type": ["string", "object"]},
            "code": {"type": "string"},
            "success": {"const": False},
            **ERROR_DETAILS,
        },
    },
)


def publishing_errors(*, store_code: str, with_reason: bool = False) -> ErrorFormat:
    """The error format of an operation. `store_code` is the code for a failure of the bundle store; with `with_reason`, the header
    x-upload-proxy-why repeats the reason."""

    def wrap(endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            try:
                response = await endpoint(request)
            except ClientDisconnect:
                return Response(status_code=499)
            except HoldfastError as error:
                response = _error_response(error, request, store_code, with_reason)
            except Exception:
                _log.exception("request_failed", request_id=request_id(request), path=request.url.path)
                failed = HoldfastError("Something went wrong here.", hint="The log has the details under this request id.")
                response = _error_response(failed, request, store_code, with_reason)
            response.headers["x-request-id"] = request_id(request)
            return response

        return guarded

    return ErrorFormat(wrap, _SCHEMA)


def _error_response(error: HoldfastError, request: Request, store_code: str, with_reason: bool) -> Response:
    status, code = _status_and_code(error, store_code)
    headers = {}
    if with_reason:
        headers[REASON_HEADER] = _reason(error, code)
    if isinstance(error, RateLimited):
        headers["retry-after"] = str(error.retry_after_seconds)
    if isinstance(error, VersionConflict):
        fields = {"message": error.message, "code": code, "hint": error.hint, "details": error.details}
        known = {name: value for name, value in fields.items() if value is not None}
        return json_response({"success": False, "error": known}, status, headers)
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
    return error.status, _TOOL_CODES.get(error.code, error.code)


def _reason(error: HoldfastError, code: str) -> str:
    if isinstance(error, BadUpload) and isinstance(error.details, dict) and isinstance(error.details.get("why"), str):
        return str(error.details["why"])
    return _REASONS.get(code, code.lower())
