"""What is published of an extension: its versions, and hiding one from new installs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from holdfast.gateway.api.camel_case import camel
from holdfast.gateway.api.parameters import extension_in, read_change, reading, version_in, writing
from holdfast.gateway.api.routing import resource
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.publishing.versions import list_versions, unyank, yank


class Yank(Struct, frozen=True, forbid_unknown_fields=True):
    """Why, for those who have the version installed."""

    reason: Annotated[str, Meta(max_length=1_024)] | None = None


def routes(services: Services) -> list[BaseRoute]:
    """Reading needs `extension:read`; yanking `extension:write`, and that the publisher's name is the tenant's."""

    async def versions(request: Request) -> Response:
        actor = await reading(services, request)
        return json_response(
            {"versions": camel(await list_versions(services.db, tenant_id=actor.tenant_id, extension=extension_in(request)))}
        )

    async def hide(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, Yank)
        version = version_in(request)
        await yank(services.db, actor=actor, extension=extension_in(request), version=version, reason=asked.reason, now=services.now)
        return json_response({"version": version, "yanked": True})

    async def show(request: Request) -> Response:
        actor = await writing(services, request)
        version = version_in(request)
        await unyank(services.db, actor=actor, extension=extension_in(request), version=version, now=services.now)
        return json_response({"version": version, "yanked": False})

    one = "/api/v1/extensions/{extension}/versions"
    return [resource(one, get=versions), resource(f"{one}/{{version}}/yank", post=hide, delete=show)]
