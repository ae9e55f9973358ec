"""`POST /api/v1/extensions/{install,uninstall,update}`: what the published tools call, in the form that they read."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from msgspec import Meta, Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.errors import HoldfastError
from holdfast.gateway.api.parameters import read_change, writing
from holdfast.gateway.http.requests import request_id
from holdfast.gateway.services import Services
from holdfast.http.operations import Endpoint
from holdfast.http.responses import json_response
from holdfast.registry.installs.install import install_version
from holdfast.registry.installs.uninstall import uninstall
from holdfast.registry.installs.upgrade import upgrade_install
from holdfast.registry.installs.upgrade_errors import SchedulesMissing

_Id = Annotated[str, Meta(min_length=1, max_length=512)]
_Version = Annotated[str, Meta(min_length=1, max_length=128)]

_log = structlog.get_logger(__name__)


class ContractInstall(Struct, frozen=True, rename="camel"):
    """The body of `install`. Everything that the version asks for is granted, as the tools expect."""

    registry_id: _Id
    version: _Version


class ContractUpdate(Struct, frozen=True, rename="camel"):
    """The body of `update`. `consent` is our own: a version that asks for more is refused without."""

    registry_id: _Id
    version: _Version
    disable_missing_schedules: bool = False
    consent: bool = False


class ContractUninstall(Struct, frozen=True, rename="camel"):
    """The body of `uninstall`."""

    registry_id: _Id


def routes(services: Services) -> list[BaseRoute]:
    """The three routes. They need `extension:write`."""
    policy = TrustPolicy.from_settings(services.settings)

    async def install(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, ContractInstall)
        installed = await install_version(
            services.db,
            services.store,
            actor=actor,
            policy=policy,
            extension=asked.registry_id,
            version=asked.version,
            domain_root=services.settings.ext_domain_root,
            now=services.now,
        )
        message = "Extension installation enqueued"
        return _answer(installed.registry_id, message, 202, version=installed.version, installId=installed.install_id)

    async def update(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, ContractUpdate)
        upgraded = await upgrade_install(
            services.db,
            services.store,
            actor=actor,
            policy=policy,
            extension=asked.registry_id,
            version=asked.version,
            consent=asked.consent,
            disable_missing_schedules=asked.disable_missing_schedules,
            now=services.now,
        )
        return _answer(upgraded.registry_id, "Extension updated", 200, version=upgraded.version, installId=upgraded.install_id)

    async def remove(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, ContractUninstall)
        removed = await uninstall(
            services.db,
            services.store,
            actor=actor,
            extension=asked.registry_id,
            storage_grace=services.settings.storage_grace,
            now=services.now,
        )
        return _answer(removed.registry_id, "Extension uninstalled successfully", 200)

    return [
        Route("/api/v1/extensions/install", _contract(install), methods=["POST"]),
        Route("/api/v1/extensions/update", _contract(update), methods=["POST"]),
        Route("/api/v1/extensions/uninstall", _contract(remove), methods=["POST"]),
    ]


def _answer(registry_id: str, message: str, status: int, **more: str) -> Response:
    return json_response({"data": {"registryId": registry_id, **more, "success": True, "message": message}}, status)


def _contract(endpoint: Endpoint) -> Endpoint:
    """The endpoint with its errors in the form of the tools, which look for the sentence in `error.message`."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            return Response(status_code=499)
        except SchedulesMissing as error:
            shape = {"success": False, "code": error.code, "message": error.message, **error.details}
            return _refused(shape, error.status, request)
        except HoldfastError as error:
            return _refused(_shape(error), error.status, request)
        except Exception:
            _log.exception("a request failed unexpectedly", request_id=request_id(request), path=request.url.path)
            failed = HoldfastError("Something went wrong here.", hint="The log has the details under this request id.")
            return _refused(_shape(failed), failed.status, request)

    return answer


def _shape(error: HoldfastError) -> dict[str, Any]:
    told: dict[str, Any] = {"message": error.message, "code": error.code}
    if error.hint is not None:
        told["hint"] = error.hint
    if error.details is not None:
        told["details"] = error.details
    return {"success": False, "error": told}


def _refused(shape: dict[str, Any], status: int, request: Request) -> Response:
    known_as = request_id(request)
    return json_response({**shape, "requestId": known_as}, status, {"x-request-id": known_as})
