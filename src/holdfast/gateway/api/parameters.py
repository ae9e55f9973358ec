"""Who administers over HTTP, what of a request they may choose, and how its body is read."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar

from msgspec import Meta
from starlette.requests import Request

from holdfast.gateway.auth.authentication import Caller, caller_of, require_permission
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.internal.auth import decode_json
from holdfast.gateway.services import Services
from holdfast.registry.actors import Actor

T = TypeVar("T")

Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=200)]
"""Capabilities in a body."""
Egress = Annotated[list[Annotated[str, Meta(min_length=1, max_length=512)]], Meta(max_length=1_000)]
"""Hosts in a body."""

BODY_MAX_BYTES = 1024 * 1024
_EXTENSION = re.compile(r"[^\x00-\x1f\x7f/\\]{1,512}")
_VERSION = re.compile(r"[0-9A-Za-z.*+-]{1,128}")


def actor_of(caller: Caller) -> Actor:
    """The caller as the registry knows those who administer."""
    identity = caller.identity
    return Actor(tenant_id=identity.tenant_id, user_id=identity.user_id, email=identity.email)


async def reading(services: Services, request: Request) -> Actor:
    """The caller, who may read what is installed and published. Raises as `caller_of`, and Forbidden."""
    return await _permitted(services, request, "extension:read")


async def writing(services: Services, request: Request) -> Actor:
    """The caller, who may publish and change installs. Raises as `caller_of`, and Forbidden."""
    return await _permitted(services, request, "extension:write")


def extension_in(request: Request) -> str:
    """The extension that the path names: an id, `publisher.name` or a name. Raises InvalidRequest."""
    return _part(request, "extension", _EXTENSION)


def version_in(request: Request) -> str:
    """The version that the path names, such as `1.2.3`. Raises InvalidRequest."""
    return _part(request, "version", _VERSION)


def secret_in(request: Request) -> str:
    """The name of a secret that the path has. Raises InvalidRequest."""
    return _part(request, "key", _EXTENSION)


async def read_change(request: Request, shape: type[T]) -> T:
    """The body as `shape`; none is one without fields. Raises InvalidRequest, PayloadTooLarge, RequestTimeout."""
    return decode_json(await read_body(request, BODY_MAX_BYTES) or b"{}", shape)


async def _permitted(services: Services, request: Request, permission: str) -> Actor:
    caller = await caller_of(services, request)
    await require_permission(services, caller, permission)
    return actor_of(caller)


def _part(request: Request, name: str, form: re.Pattern[str]) -> str:
    part = str(request.path_params[name])
    if not form.fullmatch(part):
        raise InvalidRequest(f"The path does not name {name} in a way that could be one.")
    return part
