"""The host functions, implemented with the functions of the WIT world."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from wit_world.imports import clients as clients_functions
from wit_world.imports import context as context_functions
from wit_world.imports import http as http_functions
from wit_world.imports import invoicing as invoicing_functions
from wit_world.imports import logging as logging_functions
from wit_world.imports import scheduler as scheduler_functions
from wit_world.imports import secrets as secrets_functions
from wit_world.imports import services as services_functions
from wit_world.imports import types as wit
from wit_world.imports import ui_proxy as ui_proxy_functions
from wit_world.imports import user_v2 as user_functions

from holdfast_sdk import arguments
from holdfast_sdk.application import (
    Client,
    ClientPage,
    Endpoint,
    InvoiceResult,
    Schedule,
    ScheduleResult,
    Service,
    ServicePage,
    copied,
)
from holdfast_sdk.calls import call
from holdfast_sdk.host import Host
from holdfast_sdk.messages import Context
from holdfast_sdk.records import Fetched, User
from holdfast_sdk.storage import Storage


class CallContext:
    """The context of the call. Needs cap:context.read, which every install has."""

    def __init__(self, context: Context | None) -> None:
        self._context = context

    def get(self) -> Context:
        """Tenant, extension, install, settings and trigger: the same as `request.context`."""
        # The ids are those of the request. A call that is over its quota would get empty ones from the host.
        ids = call("context.get", context_functions.get_context)
        return self._context or Context(ids.tenant_id, ids.extension_id, ids.request_id, ids.install_id, ids.version_id)


class Logging:
    """Writes to the log of the call; fields are appended to the message as JSON. Needs cap:log.emit."""

    def emit(self, level: str, message: str, fields: Mapping[str, Any] | None = None) -> None:
        # The WIT world has no debug level; such a line is marked and written as info.
        write = {"warn": logging_functions.log_warn, "error": logging_functions.log_error}.get(level, logging_functions.log_info)
        tail = f" {json.dumps(fields, default=str)}" if fields else ""
        write(f"{'[debug] ' if level == 'debug' else ''}{message}{tail}")

    def debug(self, message: str, **fields: Any) -> None:
        self.emit("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self.emit("info", message, fields)

    def warn(self, message: str, **fields: Any) -> None:
        self.emit("warn", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self.emit("error", message, fields)


class Secrets:
    """The secrets of the install. Needs cap:secrets.get."""

    def get(self, key: str) -> str:
        """The value of a secret. Raises HostError `missing`, `denied`, `expired`."""
        return str(call("secrets.get", secrets_functions.get, arguments.text(key, "key")))

    def list(self) -> list[str]:
        """The keys of all secrets, sorted; none without cap:secrets.get, and none when the secrets have expired."""
        return [*secrets_functions.list_keys()]


class Http:
    """Requests to other servers. Needs cap:http.fetch, and the server's host in the manifest's `egress`.

    In development, `EXT_EGRESS_ALLOWLIST=http://localhost:18080 holdfast dev` also allows that port of your machine.
    """

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes | str | None = None,
    ) -> Fetched:
        """Sends a request and returns the response, whatever its status. Raises HostError when there is none."""
        wire_headers = [wit.HttpHeader(name, value) for name, value in arguments.header_pairs(headers)]
        content = None if body is None else arguments.content(body, "body")
        request = wit.HttpRequest(arguments.text(method, "method").upper(), arguments.text(url, "url"), wire_headers, content)
        response = call("http.fetch", http_functions.fetch, request)
        return Fetched(response.status, tuple((header.name, header.value) for header in response.headers), bytes(response.body or b""))


class UiProxy:
    """Calls routes of the application. Needs cap:ui.proxy."""

    def call_route(self, route: str, payload: bytes | None = None) -> bytes:
        """Sends `payload` to a route, or a GET without one; returns the body of the response.

        Routes of the application (`/api/…`) must be declared in `uiProxy.routes` of the manifest; they have the rights of the user of the
        call. Raises HostError `route-not-found`, `denied`, `bad-request`, `internal`.
        """
        content = None if payload is None else arguments.content(payload, "payload")
        return bytes(call("ui-proxy.call-route", ui_proxy_functions.call_route, arguments.text(route, "route"), content))

    def call_json(self, route: str, payload: Any = None) -> Any:
        """As `call_route`, with JSON in both directions."""
        body = self.call_route(route, None if payload is None else json.dumps(payload).encode())
        return json.loads(body) if body else None


def _payload(value: Any) -> str | None:
    """The value as JSON text; a value that is text already counts as JSON text."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _schedule_options(timezone: Any, enabled: Any, name: Any) -> tuple[str | None, bool | None, str | None]:
    return (
        arguments.optional_text(timezone, "timezone"),
        arguments.optional_flag(enabled, "enabled"),
        arguments.optional_text(name, "name"),
    )


class Scheduler:
    """The schedules of the install. Needs cap:scheduler.manage. Every function but the changes raises HostError."""

    def list(self) -> list[Schedule]:
        """All schedules."""
        return [copied(Schedule, found) for found in call("scheduler.list", scheduler_functions.list_schedules)]

    def get(self, schedule_id: str) -> Schedule | None:
        """One schedule; None when there is none."""
        found: Schedule | None = copied(
            Schedule, call("scheduler.get", scheduler_functions.get_schedule, arguments.text(schedule_id, "schedule_id"))
        )
        return found

    def create(
        self,
        endpoint: str,
        cron: str,
        *,
        timezone: str | None = None,
        enabled: bool | None = None,
        name: str | None = None,
        payload: Any = None,
    ) -> ScheduleResult:
        """Creates a schedule. `cron` has five fields; `timezone` defaults to UTC."""
        record = wit.CreateScheduleInput(
            arguments.text(endpoint, "endpoint"),
            arguments.text(cron, "cron"),
            *_schedule_options(timezone, enabled, name),
            _payload(payload),
        )
        result: ScheduleResult = copied(ScheduleResult, call("scheduler.create", scheduler_functions.create_schedule, record))
        return result

    def update(
        self,
        schedule_id: str,
        *,
        endpoint: str | None = None,
        cron: str | None = None,
        timezone: str | None = None,
        enabled: bool | None = None,
        name: str | None = None,
        payload: Any = None,
    ) -> ScheduleResult:
        """Changes a schedule. A parameter that is None changes nothing; `payload=""` clears the payload."""
        record = wit.UpdateScheduleInput(
            arguments.optional_text(endpoint, "endpoint"),
            arguments.optional_text(cron, "cron"),
            *_schedule_options(timezone, enabled, name),
            _payload(payload),
        )
        wire = call("scheduler.update", scheduler_functions.update_schedule, arguments.text(schedule_id, "schedule_id"), record)
        result: ScheduleResult = copied(ScheduleResult, wire)
        return result

    def delete(self, schedule_id: str) -> ScheduleResult:
        """Deletes a schedule."""
        wire = call("scheduler.delete", scheduler_functions.delete_schedule, arguments.text(schedule_id, "schedule_id"))
        result: ScheduleResult = copied(ScheduleResult, wire)
        return result

    def endpoints(self) -> list[Endpoint]:
        """The endpoints of the installed version."""
        return [copied(Endpoint, found) for found in call("scheduler.endpoints", scheduler_functions.get_endpoints)]


def _invoice_line(item: Mapping[str, Any], of: str) -> wit.ManualInvoiceItemInput:
    return wit.ManualInvoiceItemInput(
        arguments.text(item["service_id"], f"{of}service_id"),
        arguments.decimal(item["quantity"], f"{of}quantity"),
        arguments.text(item["description"], f"{of}description"),
        arguments.decimal(item["rate"], f"{of}rate"),
        arguments.optional_flag(item.get("is_discount"), f"{of}is_discount"),
        arguments.optional_case(item.get("discount_type"), wit.DiscountType, f"{of}discount_type"),
        arguments.optional_text(item.get("applies_to_item_id"), f"{of}applies_to_item_id"),
        arguments.optional_text(item.get("applies_to_service_id"), f"{of}applies_to_service_id"),
    )


class Invoicing:
    """Creates invoices. Needs cap:invoice.manual.create. Rates are in minor units of the currency, such as cents."""

    def create_manual_invoice(
        self,
        client_id: str,
        items: Iterable[Mapping[str, Any]],
        *,
        invoice_date: str | None = None,
        due_date: str | None = None,
        po_number: str | None = None,
    ) -> InvoiceResult:
        """Each item has service_id, quantity, description and rate; a discount also has is_discount and discount_type."""
        record = wit.CreateManualInvoiceInput(
            arguments.text(client_id, "client_id"),
            [_invoice_line(item, f"items[{index}].") for index, item in enumerate(items)],
            arguments.optional_text(invoice_date, "invoice_date"),
            arguments.optional_text(due_date, "due_date"),
            arguments.optional_text(po_number, "po_number"),
        )
        result: InvoiceResult = copied(InvoiceResult, call("invoicing.create", invoicing_functions.create_manual_invoice, record))
        return result


class Clients:
    """The clients of the tenant. Needs cap:client.read."""

    def list(
        self, *, search: str | None = None, include_inactive: bool | None = None, page: int | None = None, page_size: int | None = None
    ) -> ClientPage:
        """One page of clients. Raises HostError `not-allowed`, `invalid-input`, `internal`."""
        record = wit.ClientsListInput(
            arguments.optional_text(search, "search"),
            arguments.optional_flag(include_inactive, "include_inactive"),
            arguments.optional_count(page, "page"),
            arguments.optional_count(page_size, "page_size"),
        )
        page_of = call("clients.list", clients_functions.list_clients, record)
        return ClientPage([copied(Client, item) for item in page_of.items], page_of.total_count, page_of.page, page_of.page_size)

    def get(self, client_id: str) -> Client | None:
        """One client; None when there is none."""
        found: Client | None = copied(Client, call("clients.get", clients_functions.get_client, arguments.text(client_id, "client_id")))
        return found


class Services:
    """The services of the tenant. Needs cap:service.read."""

    def list(
        self,
        *,
        search: str | None = None,
        item_kind: str | None = None,
        is_active: bool | None = None,
        billing_method: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
    ) -> ServicePage:
        """One page of services. `item_kind` is `service` or `product`; `billing_method` is `fixed`, `hourly` or `usage`.

        Raises HostError `not-allowed`, `invalid-input`, `internal`.
        """
        record = wit.ServicesListInput(
            arguments.optional_text(search, "search"),
            arguments.optional_case(item_kind, wit.ServiceItemKind, "item_kind"),
            arguments.optional_flag(is_active, "is_active"),
            arguments.optional_case(billing_method, wit.ServiceBillingMethod, "billing_method"),
            arguments.optional_count(page, "page"),
            arguments.optional_count(page_size, "page_size"),
        )
        page_of = call("services.list", services_functions.list_services, record)
        return ServicePage([copied(Service, item) for item in page_of.items], page_of.total_count, page_of.page, page_of.page_size)

    def get(self, service_id: str) -> Service | None:
        """One service; None when there is none."""
        found: Service | None = copied(
            Service, call("services.get", services_functions.get_service, arguments.text(service_id, "service_id"))
        )
        return found


def _user() -> User:
    found = call("user.get-user", user_functions.get_user)
    return User(
        found.tenant_id,
        found.client_name,
        found.user_id,
        found.user_email,
        found.user_name,
        found.user_type,
        found.client_id,
        dict(found.additional_fields),
    )


def make_host(context: Context | None = None) -> Host:
    """The host of the current call. `context` is that of its request; without it, `host.context` has no settings."""
    return Host(
        context=CallContext(context),
        logging=Logging(),
        storage=Storage(),
        secrets=Secrets(),
        http=Http(),
        ui_proxy=UiProxy(),
        scheduler=Scheduler(),
        invoicing=Invoicing(),
        clients=Clients(),
        services=Services(),
        user=_user,
    )
