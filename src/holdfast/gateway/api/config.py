"""`/api/v1/extensions/{extension}/config`: the settings of an install."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from holdfast.gateway.api.parameters import extension_in, read_change, reading, writing
from holdfast.gateway.api.routing import resource
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.installs.config import patch_config, read_config, replace_config

Key = Annotated[str, Meta(min_length=1, max_length=255)]


class Replacement(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings; those that are not named are gone."""

    config: dict[Key, Any]


class Patch(Struct, frozen=True, forbid_unknown_fields=True):
    """Single settings to set and to remove; the others stay."""

    set: dict[Key, Any] = field(default_factory=dict)
    unset: Annotated[list[Key], Meta(max_length=1_000)] = []


def routes(services: Services) -> list[BaseRoute]:
    """Reading needs `extension:read`, changing `extension:write`. Every answer has all settings, as `config`."""

    async def show(request: Request) -> Response:
        actor = await reading(services, request)
        return json_response({"config": await read_config(services.db, tenant_id=actor.tenant_id, extension=extension_in(request))})

    async def replace(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, Replacement)
        extension = extension_in(request)
        await replace_config(services.db, actor=actor, extension=extension, config=asked.config, now=services.now)
        return json_response({"config": await read_config(services.db, tenant_id=actor.tenant_id, extension=extension)})

    async def patch(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, Patch)
        config = await patch_config(
            services.db, actor=actor, extension=extension_in(request), set=asked.set, unset=asked.unset, now=services.now
        )
        return json_response({"config": config})

    return [resource("/api/v1/extensions/{extension}/config", get=show, put=replace, patch=patch)]
