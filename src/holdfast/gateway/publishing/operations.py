"""The table of the publishing API's operations."""

from __future__ import annotations

from holdfast.contract.registry_api import InstalledResult
from holdfast.gateway.auth.permissions import CALLER_CREDENTIALS, CallerHandler, with_permission
from holdfast.gateway.publishing.error_responses import publishing_errors
from holdfast.gateway.publishing.handlers import abort, finalize, install_upload, upload
from holdfast.gateway.publishing.messages import (
    AbortRequest,
    AbortResult,
    FinalizeRequest,
    FinalizeResult,
    InstallUploadRequest,
    UploadResult,
)
from holdfast.gateway.services import Services
from holdfast.http.operations import Body, ErrorFormat, Operation, Parameter, Result, Schema
from holdfast.registry.publishing.uploads import MAX_UPLOAD_BYTES

_PERMISSION = "extension:write"
_UPLOAD_ERRORS = (400, 401, 403, 408, 413, 429, 500, 503)


def _operation(
    path: str,
    handler: CallerHandler,
    summary: str,
    body: Body,
    result: Schema,
    errors: ErrorFormat,
    *parameters: Parameter,
    error_statuses: tuple[int, ...] = (*_UPLOAD_ERRORS, 404, 409, 422),
) -> Operation[Services]:
    return Operation(
        method="POST",
        path=path,
        handler=with_permission(_PERMISSION, handler),
        errors=errors,
        summary=summary,
        security=CALLER_CREDENTIALS,
        permission=_PERMISSION,
        parameters=parameters,
        body=body,
        results={200: Result("The request succeeded.", result)},
        error_statuses=error_statuses,
    )


OPERATIONS: tuple[Operation[Services], ...] = (
    _operation(
        "/api/ext-bundles/upload-proxy",
        upload,
        "Upload a bundle (`.tar.zst`), to publish it afterwards.",
        Body({"type": "string", "format": "binary"}, "application/octet-stream"),
        UploadResult,
        publishing_errors(store_code="S3_PUT_FAILED", with_reason=True),
        Parameter("filename", "query", {"type": "string", "minLength": 1, "maxLength": 255}),
        Parameter("size", "query", {"type": "integer", "minimum": 1, "maximum": MAX_UPLOAD_BYTES}),
        Parameter("declaredHash", "query", {"type": "string", "pattern": "^[0-9a-f]{64}$"}, required=False),
        error_statuses=_UPLOAD_ERRORS,
    ),
    _operation(
        "/api/ext-bundles/finalize",
        finalize,
        "Publish an upload.",
        Body(FinalizeRequest),
        FinalizeResult,
        publishing_errors(store_code="S3_GET_FAILED"),
    ),
    _operation(
        "/api/ext-bundles/install",
        install_upload,
        "Install an upload for development; the same version may be installed again with other content.",
        Body(InstallUploadRequest),
        InstalledResult,
        publishing_errors(store_code="S3_GET_FAILED"),
    ),
    _operation(
        "/api/ext-bundles/abort",
        abort,
        "Delete an upload.",
        Body(AbortRequest),
        AbortResult,
        publishing_errors(store_code="S3_DELETE_FAILED"),
    ),
)
