"""`POST /api/internal/ext-clients/install/{install id}` and `ext-services`: records of the tenant, for the runner on behalf of a call.

Errors are `{error, code, details}`: that is what the runner reads. JSON null is the same as an absent field.
"""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.records import ClientPage, ClientSummary, ServicePage, ServiceSummary
from holdfast.errors import HoldfastError
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.json_body import decode_json_with
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.internal.auth import InternalApiError, enabled_install
from holdfast.gateway.internal.callers import CLIENT_READ, check_caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.records.billing.clients import ClientFilter, get_client, list_clients
from holdfast.records.billing.pages import DEFAULT_PAGE_SIZE, MAX_PAGE, MAX_PAGE_SIZE, MAX_SEARCH_LENGTH, Paging
from holdfast.records.billing.services import BillingMethod, ItemKind, ServiceFilter, get_service, list_services
from holdfast.records.database.uuids import as_uuid
from holdfast.registry.installs.call_context import InstallContext
from holdfast.world.capabilities import Capability

BODY_LIMIT = 64 * 1024
SERVICE_READ = "service:read"

_Page = Annotated[int, Meta(ge=1, le=MAX_PAGE)]
_PageSize = Annotated[int, Meta(ge=1, le=MAX_PAGE_SIZE)]
_Search = Annotated[str, Meta(max_length=MAX_SEARCH_LENGTH)]


class CallUser(Struct, frozen=True, rename="camel"):
    """The user of the call. What type of user it is, the database knows."""

    user_id: str
    user_type: str | None = None


class _PageInput(Struct, frozen=True, kw_only=True, rename="camel"):
    search: _Search | None = None
    page: _Page | None = None
    page_size: _PageSize | None = None

    @property
    def paging(self) -> Paging:
        return Paging(self.page or 1, self.page_size or DEFAULT_PAGE_SIZE)


class ClientsInput(_PageInput, frozen=True, kw_only=True, rename="camel"):
    include_inactive: bool | None = None


class ServicesInput(_PageInput, frozen=True, kw_only=True, rename="camel"):
    item_kind: ItemKind | None = None
    is_active: bool | None = None
    billing_method: BillingMethod | None = None


class ClientId(Struct, frozen=True, rename="camel"):
    client_id: str


class ServiceId(Struct, frozen=True, rename="camel"):
    service_id: str


class ListClients(Struct, frozen=True, kw_only=True, tag_field="operation", tag="list"):
    input: ClientsInput | None = None
    user: CallUser | None = None


class GetClient(Struct, frozen=True, kw_only=True, tag_field="operation", tag="get"):
    input: ClientId
    user: CallUser | None = None


class ListServices(Struct, frozen=True, kw_only=True, tag_field="operation", tag="list"):
    input: ServicesInput | None = None
    user: CallUser | None = None


class GetService(Struct, frozen=True, kw_only=True, tag_field="operation", tag="get"):
    input: ServiceId
    user: CallUser | None = None


class OneClient(Struct, frozen=True):
    item: ClientSummary | None


class OneService(Struct, frozen=True):
    item: ServiceSummary | None


_Operation = TypeVar("_Operation")


class _Reads(Generic[_Operation]):
    """What is the same for both kinds: the token, the install, its capability, and the shape of requests."""

    def __init__(self, capability: Capability, decoder: msgspec.json.Decoder[_Operation]) -> None:
        self._capability = capability
        self._decoder = decoder

    async def open(self, services: Services, request: Request) -> tuple[InstallContext, _Operation]:
        """Raises InternalApiError."""
        if not services.tokens.opens_internal(request.headers.get("x-runner-auth")):
            raise InternalApiError("UNAUTHORIZED", "Invalid runner token")
        install = await enabled_install(services, request)
        # The runner has checked the capability too. The records are here, so the check is repeated here.
        if self._capability not in install.providers:
            raise InternalApiError("NOT_ALLOWED", f"Permission denied: {self._capability} not granted")
        try:
            return install, decode_json_with(self._decoder, await read_body(request, BODY_LIMIT))
        except InvalidRequest as error:
            issue = error.details["issue"]
            raise InternalApiError("INVALID_INPUT", f"Validation error: {issue}", details=error.details) from error


_clients: _Reads[ListClients | GetClient] = _Reads(Capability.CLIENT_READ, msgspec.json.Decoder(ListClients | GetClient))
_services: _Reads[ListServices | GetService] = _Reads(Capability.SERVICE_READ, msgspec.json.Decoder(ListServices | GetService))


async def use_clients(services: Services, request: Request) -> Response:
    """One read of a guest in its tenant's clients."""
    try:
        return json_response(await _read_clients(services, request))
    except HoldfastError as error:
        return _failure(error)


async def use_services(services: Services, request: Request) -> Response:
    """One read of a guest in its tenant's services."""
    try:
        return json_response(await _read_services(services, request))
    except HoldfastError as error:
        return _failure(error)


async def _read_clients(services: Services, request: Request) -> ClientPage | OneClient:
    install, operation = await _clients.open(services, request)
    access = await check_caller(services, request, install, CLIENT_READ, _user_id(operation.user))
    if isinstance(operation, GetClient):
        client_id = _uuid(operation.input.client_id, "clientId")
        return OneClient(await get_client(services.db, install.tenant_id, client_id, only=access.only_client))
    wanted = operation.input or ClientsInput()
    shown = ClientFilter(search=wanted.search, include_inactive=wanted.include_inactive is True, only=access.only_client)
    return await list_clients(services.db, install.tenant_id, shown, wanted.paging)


async def _read_services(services: Services, request: Request) -> ServicePage | OneService:
    install, operation = await _services.open(services, request)
    await check_caller(services, request, install, SERVICE_READ, _user_id(operation.user))
    if isinstance(operation, GetService):
        return OneService(await get_service(services.db, install.tenant_id, _uuid(operation.input.service_id, "serviceId")))
    wanted = operation.input or ServicesInput()
    shown = ServiceFilter(
        search=wanted.search, item_kind=wanted.item_kind, is_active=wanted.is_active, billing_method=wanted.billing_method
    )
    return await list_services(services.db, install.tenant_id, shown, wanted.paging)


def _user_id(user: CallUser | None) -> str | None:
    return None if user is None else user.user_id


def _uuid(text: str, name: str) -> str:
    known = as_uuid(text)
    if known is None:
        raise InternalApiError("INVALID_INPUT", f"Validation error: {name} must be a UUID", details={"field": name})
    return known


def _failure(error: HoldfastError) -> Response:
    return json_response({"error": error.message, "code": error.code, "details": error.details}, error.status)
