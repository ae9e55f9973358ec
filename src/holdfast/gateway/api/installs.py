"""`/api/v1/extensions`: what the caller's tenant has installed, installing, changing versions, switching on and off, uninstalling."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.gateway.api.camel_case import camel
from holdfast.gateway.api.parameters import Egress, Names, extension_in, read_change, reading, writing
from holdfast.gateway.api.routing import resource
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.installs.details import read_details
from holdfast.registry.installs.install import install_version
from holdfast.registry.installs.listing import list_installs
from holdfast.registry.installs.uninstall import uninstall
from holdfast.registry.installs.upgrade import rollback_install, upgrade_install

Version = Annotated[str, Meta(min_length=1, max_length=128)]


class Install(Struct, frozen=True, forbid_unknown_fields=True):
    """What to install. No version means the newest; no capabilities or egress means all that the version asks for."""

    extension: Annotated[str, Meta(min_length=1, max_length=512)]
    version: Version | None = None
    capabilities: Names | None = None
    egress: Egress | None = None


class Upgrade(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Where to. No version means the newest. `consent` grants what it asks for beyond the installed one."""

    version: Version | None = None
    consent: bool = False
    disable_missing_schedules: bool = False


class Rollback(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """To the version before. Schedules whose endpoint it does not have are disabled when asked for, otherwise they prevent it."""

    disable_missing_schedules: bool = False


def routes(services: Services) -> list[BaseRoute]:
    """Reading needs `extension:read`, everything else `extension:write`."""
    policy = TrustPolicy.from_settings(services.settings)

    async def show_all(request: Request) -> Response:
        actor = await reading(services, request)
        return json_response({"extensions": camel(await list_installs(services.db, actor.tenant_id))})

    async def show(request: Request) -> Response:
        actor = await reading(services, request)
        return json_response(camel(await read_details(services.db, tenant_id=actor.tenant_id, extension=extension_in(request))))

    async def install(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, Install)
        installed = await install_version(
            services.db,
            services.store,
            actor=actor,
            policy=policy,
            extension=asked.extension,
            version=asked.version,
            capabilities=asked.capabilities,
            egress=asked.egress,
            domain_root=services.settings.ext_domain_root,
            now=services.now,
        )
        return json_response(camel(installed), 201, {"location": f"/api/v1/extensions/{quote(installed.registry_id, safe='')}"})

    async def upgrade(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, Upgrade)
        upgraded = await upgrade_install(
            services.db,
            services.store,
            actor=actor,
            policy=policy,
            extension=extension_in(request),
            version=asked.version,
            consent=asked.consent,
            disable_missing_schedules=asked.disable_missing_schedules,
            now=services.now,
        )
        return json_response(camel(upgraded))

    async def rollback(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, Rollback)
        rolled_back = await rollback_install(
            services.db,
            services.store,
            actor=actor,
            policy=policy,
            extension=extension_in(request),
            disable_missing_schedules=asked.disable_missing_schedules,
            now=services.now,
        )
        return json_response(camel(rolled_back))

    async def remove(request: Request) -> Response:
        actor = await writing(services, request)
        removed = await uninstall(
            services.db,
            services.store,
            actor=actor,
            extension=extension_in(request),
            storage_grace=services.settings.storage_grace,
            now=services.now,
        )
        return json_response(camel(removed))

    async def enable(request: Request) -> Response:
        return await switch(request, enabled=True)

    async def disable(request: Request) -> Response:
        return await switch(request, enabled=False)

    async def switch(request: Request, *, enabled: bool) -> Response:
        actor = await writing(services, request)
        await set_enabled(services.db, actor=actor, extension=extension_in(request), enabled=enabled, now=services.now)
        return json_response({"enabled": enabled})

    one = "/api/v1/extensions/{extension}"
    return [
        resource("/api/v1/extensions", get=show_all, post=install),
        resource(one, get=show, delete=remove),
        resource(f"{one}/upgrade", post=upgrade),
        resource(f"{one}/rollback", post=rollback),
        resource(f"{one}/enable", post=enable),
        resource(f"{one}/disable", post=disable),
    ]
