"""`/api/v1/extensions/{extension}/secrets`: the names of an install's secrets, setting and removing them. No value is ever given out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from holdfast.gateway.api.camel_case import camel
from holdfast.gateway.api.parameters import extension_in, read_change, secret_in, writing
from holdfast.gateway.api.routing import resource
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.secrets.administration import clear_secrets, list_secrets, remove_secret, set_secrets


class Secrets(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Secrets to set; the others stay. `expires_at` is for all of them: null is never, and what is not given stays as it is."""

    values: dict[str, str]
    expires_at: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return f"Secrets({len(self.values)} values)"


def routes(services: Services) -> list[BaseRoute]:
    """All of it needs `extension:write`, reading the names too."""

    async def show(request: Request) -> Response:
        actor = await writing(services, request)
        extension = extension_in(request)
        return json_response(camel(await list_secrets(services.db, services.sealer, tenant_id=actor.tenant_id, extension=extension)))

    async def put(request: Request) -> Response:
        actor = await writing(services, request)
        asked = await read_change(request, Secrets)
        summary = await set_secrets(
            services.db,
            services.sealer,
            actor=actor,
            extension=extension_in(request),
            values=asked.values,
            expires_at=asked.expires_at,
            now=services.now,
        )
        return json_response(camel(summary))

    async def remove(request: Request) -> Response:
        actor = await writing(services, request)
        extension, key = extension_in(request), secret_in(request)
        return json_response(
            camel(await remove_secret(services.db, services.sealer, actor=actor, extension=extension, key=key, now=services.now))
        )

    async def clear(request: Request) -> Response:
        actor = await writing(services, request)
        extension = extension_in(request)
        return json_response(camel(await clear_secrets(services.db, services.sealer, actor=actor, extension=extension, now=services.now)))

    path = "/api/v1/extensions/{extension}/secrets"
    return [resource(path, get=show, put=put, delete=clear), resource(f"{path}/{{key}}", delete=remove)]
