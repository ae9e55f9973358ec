"""`POST /api/v1/extensions/{install,uninstall,update}`: the routes of the existing platform's published tools, in the shapes they read."""

from __future__ import annotations

from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.gateway.api.request_bodies import LegacyInstallRequest, LegacyUninstallRequest, LegacyUpdateRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.http.requests import request_id
from holdfast.gateway.services import Services
from holdfast.http.operations import Endpoint, ErrorFormat, NamedSchema
from holdfast.http.responses import json_response
from holdfast.registry.installs.missing_schedules import SchedulesMissing

_log = structlog.get_logger(__name__)


async def legacy_install(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, LegacyInstallRequest)
    installed = await services.installs.install(
        actor=caller.actor,
        extension=body.registry_id,
        version=body.version,
    )
    # The existing platform installs in the background, so its tools expect 202 and this message.
    message = "Extension installation enqueued"
    return _success(installed.registry_id, message, 202, version=installed.version, installId=installed.install_id)


async def legacy_update(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, LegacyUpdateRequest)
    upgraded = await services.installs.upgrade(
        actor=caller.actor,
        extension=body.registry_id,
        version=body.version,
        consent=body.consent,
        disable_missing_schedules=body.disable_missing_schedules,
    )
    return _success(upgraded.registry_id, "Extension updated", 200, version=upgraded.version, installId=upgraded.install_id)


async def legacy_uninstall(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, LegacyUninstallRequest)
    removed = await services.installs.uninstall(
        actor=caller.actor,
        extension=body.registry_id,
    )
    return _success(removed.registry_id, "Extension uninstalled successfully", 200)


def _success(registry_id: str, message: str, status: int, **fields: str) -> Response:
    return json_response({"data": {"registryId": registry_id, **fields, "success": True, "message": message}}, status)


def _report_errors(endpoint: Endpoint) -> Endpoint:
    """The endpoint with its errors in the shape of the tools, which look for the sentence in `error.message`."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            return Response(status_code=499)
        except SchedulesMissing as error:
            # The tools read this one error from the top level.
            shape = {"success": False, "code": error.code, "message": error.message, **error.details}
            return _error_response(shape, error.status, request)
        except HoldfastError as error:
            return _error_response(_error_shape(error), error.status, request)
        except Exception:
            _log.exception("request_failed", request_id=request_id(request), path=request.url.path)
            failed = HoldfastError("Something went wrong here.", hint="The log has the details under this request id.")
            return _error_response(_error_shape(failed), failed.status, request)

    return guarded


def _error_shape(error: HoldfastError) -> dict[str, Any]:
    shape: dict[str, Any] = {"message": error.message, "code": error.code}
    if error.hint is not None:
        shape["hint"] = error.hint
    if error.details is not None:
        shape["details"] = error.details
    return {"success": False, "error": shape}


def _error_response(shape: dict[str, Any], status: int, request: Request) -> Response:
    identifier = request_id(request)
    return json_response({**shape, "requestId": identifier}, status, {"x-request-id": identifier})


LEGACY_ERRORS = ErrorFormat(
    _report_errors,
    NamedSchema(
        "LegacyError",
        {
            "type": "object",
            "description": "An error of the published tools' routes: the sentence and the code are in `error`, or beside `missing`.",
            "required": ["success", "requestId"],
            "properties": {
                "success": {"const": False},
                "error": {"type": "object", "required": ["message", "code"]},
                "code": {"type": "string"},
                "message": {"type": "string"},
                "missing": {"type": "array"},
                "requestId": {"type": "string"},
            },
        },
    ),
)
