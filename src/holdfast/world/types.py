"""The types of `alga:extension/types`, field for field and case for case in the order of the WIT text; a test compares the two.

Field names are the WIT names with `_` for `-`. `list<u8>` is bytes, `option<T>` is `T | None`, an enum is a StrEnum of its cases.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Struct

U16 = Annotated[int, "u16"]
U32 = Annotated[int, "u32"]
U64 = Annotated[int, "u64"]


class ContextData(Struct, frozen=True):
    request_id: str | None
    tenant_id: str
    extension_id: str
    install_id: str | None
    version_id: str | None


class SecretError(StrEnum):
    MISSING = "missing"
    DENIED = "denied"
    EXPIRED = "expired"
    INTERNAL = "internal"


class HttpHeader(Struct, frozen=True):
    name: str
    value: str


class HttpRequest(Struct, frozen=True):
    method: str
    url: str
    headers: list[HttpHeader]
    body: bytes | None


class HttpResponse(Struct, frozen=True):
    status: U16
    headers: list[HttpHeader]
    body: bytes | None


class HttpError(StrEnum):
    INVALID_URL = "invalid-url"
    NOT_ALLOWED = "not-allowed"
    TRANSPORT = "transport"
    INTERNAL = "internal"


class StorageError(StrEnum):
    MISSING = "missing"
    CONFLICT = "conflict"
    DENIED = "denied"
    INTERNAL = "internal"


class StorageEntry(Struct, frozen=True):
    namespace: str
    key: str
    value: bytes
    revision: U64 | None


class ProxyError(StrEnum):
    ROUTE_NOT_FOUND = "route-not-found"
    DENIED = "denied"
    BAD_REQUEST = "bad-request"
    INTERNAL = "internal"


class UserData(Struct, frozen=True):
    tenant_id: str
    client_name: str
    user_id: str
    user_email: str
    user_name: str
    user_type: str


class UserDataV2(Struct, frozen=True):
    tenant_id: str
    client_name: str
    user_id: str
    user_email: str
    user_name: str
    user_type: str
    client_id: str | None
    additional_fields: list[tuple[str, str]]


class UserError(StrEnum):
    NOT_AVAILABLE = "not-available"
    NOT_ALLOWED = "not-allowed"


class SchedulerError(StrEnum):
    NOT_FOUND = "not-found"
    VALIDATION_FAILED = "validation-failed"
    QUOTA_EXCEEDED = "quota-exceeded"
    DENIED = "denied"
    INTERNAL = "internal"


class ScheduleInfo(Struct, frozen=True):
    id: str
    endpoint_path: str
    endpoint_method: str
    name: str | None
    cron: str
    timezone: str
    enabled: bool
    payload: str | None
    last_run_at: str | None
    last_run_status: str | None
    last_error: str | None
    created_at: str | None


class EndpointInfo(Struct, frozen=True):
    id: str
    method: str
    path: str
    handler: str
    schedulable: bool


class CreateScheduleInput(Struct, frozen=True):
    endpoint: str
    cron: str
    timezone: str | None
    enabled: bool | None
    name: str | None
    payload: str | None


class CreateScheduleResult(Struct, frozen=True):
    success: bool
    schedule_id: str | None
    error: str | None
    field_errors: str | None


class UpdateScheduleInput(Struct, frozen=True):
    endpoint: str | None
    cron: str | None
    timezone: str | None
    enabled: bool | None
    name: str | None
    payload: str | None


class UpdateScheduleResult(Struct, frozen=True):
    success: bool
    error: str | None
    field_errors: str | None


class DeleteScheduleResult(Struct, frozen=True):
    success: bool
    error: str | None


class DiscountType(StrEnum):
    PERCENTAGE = "percentage"
    FIXED = "fixed"


class ManualInvoiceItemInput(Struct, frozen=True):
    service_id: str
    quantity: float
    description: str
    rate: float
    is_discount: bool | None
    discount_type: DiscountType | None
    applies_to_item_id: str | None
    applies_to_service_id: str | None


class CreateManualInvoiceInput(Struct, frozen=True):
    client_id: str
    items: list[ManualInvoiceItemInput]
    invoice_date: str | None
    due_date: str | None
    po_number: str | None


class CreateManualInvoiceResult(Struct, frozen=True):
    success: bool
    invoice_id: str | None
    invoice_number: str | None
    status: str | None
    subtotal: float | None
    tax: float | None
    total: float | None
    error: str | None
    field_errors: str | None


class ClientReadError(StrEnum):
    NOT_ALLOWED = "not-allowed"
    INVALID_INPUT = "invalid-input"
    INTERNAL = "internal"


class ClientSummary(Struct, frozen=True):
    client_id: str
    client_name: str
    client_type: str | None
    is_inactive: bool
    default_currency_code: str | None
    account_manager_id: str | None
    account_manager_name: str | None
    billing_email: str | None


class ClientsListInput(Struct, frozen=True):
    search: str | None
    include_inactive: bool | None
    page: U32 | None
    page_size: U32 | None


class ClientsListResult(Struct, frozen=True):
    items: list[ClientSummary]
    total_count: U32
    page: U32
    page_size: U32


class ServiceItemKind(StrEnum):
    SERVICE = "service"
    PRODUCT = "product"


class ServiceBillingMethod(StrEnum):
    FIXED = "fixed"
    HOURLY = "hourly"
    USAGE = "usage"


class ServiceReadError(StrEnum):
    NOT_ALLOWED = "not-allowed"
    INVALID_INPUT = "invalid-input"
    INTERNAL = "internal"


class ServiceSummary(Struct, frozen=True):
    service_id: str
    service_name: str
    item_kind: ServiceItemKind
    billing_method: ServiceBillingMethod
    service_type_id: str | None
    service_type_name: str | None
    default_rate: float
    unit_of_measure: str
    is_active: bool
    sku: str | None


class ServicesListInput(Struct, frozen=True):
    search: str | None
    item_kind: ServiceItemKind | None
    is_active: bool | None
    billing_method: ServiceBillingMethod | None
    page: U32 | None
    page_size: U32 | None


class ServicesListResult(Struct, frozen=True):
    items: list[ServiceSummary]
    total_count: U32
    page: U32
    page_size: U32


class ExecuteRequest(Struct, frozen=True):
    context: ContextData
    http: HttpRequest


class ExecuteResponse(Struct, frozen=True):
    status: U16
    headers: list[HttpHeader]
    body: bytes | None
