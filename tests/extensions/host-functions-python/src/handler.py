"""As the handler of host-functions, in Python: the same routes, inputs and answers."""

import json
from dataclasses import asdict

from componentize_py_types import Err
from holdfast_sdk import HostError, json_response
from wit_world.imports import user as old_user

CONTEXT = {"config": "config", "trigger": "trigger", "install_id": "installId", "tenant_id": "tenantId", "schedule_id": "scheduleId"}


def get_context(host):
    found = asdict(host.context.get())
    return {CONTEXT[name]: found[name] for name in CONTEXT if found[name] is not None}


def get_old_user(host):
    try:
        return old_user.get_user().user_name
    except Err as error:
        raise HostError("user.get-user", error.value.name.lower().replace("_", "-")) from None


def result(record):
    """A result with the names of the TypeScript SDK."""
    named = {"schedule_id": "scheduleId", "invoice_id": "invoiceId", "success": "success", "error": "error", "total": "total"}
    found = {named[name]: value for name, value in vars(record).items() if name in named}
    return found | {"fieldErrors": record.errors_by_field() or None}


def or_none(record, name):
    return None if record is None else getattr(record, name)


def create_invoice(host, clientId, items):
    lines = [
        {"service_id": item["serviceId"], "quantity": item["quantity"], "description": item["description"], "rate": item["rate"]}
        for item in items
    ]
    return result(host.invoicing.create_manual_invoice(clientId, lines))


def list_clients(host, pageSize=None, **given):
    return [item.client_name for item in host.clients.list(page_size=pageSize, **given).items]


def list_services(host, pageSize=None, itemKind=None, **given):
    return [item.service_name for item in host.services.list(page_size=pageSize, item_kind=itemKind, **given).items]


def get_entry(host, namespace, key):
    entry = host.storage.get(namespace, key)
    return None if entry is None else entry.value.decode()


FUNCTIONS = {
    "context.get-context": get_context,
    "secrets.get": lambda host, key: host.secrets.get(key),
    "secrets.list-keys": lambda host: host.secrets.list(),
    "http.fetch": lambda host, url: host.http.fetch(url).text(),
    "storage.put": lambda host, **given: host.storage.put(**given).revision,
    "storage.get": get_entry,
    "storage.list-entries": lambda host, namespace: [entry.key for entry in host.storage.list(namespace)],
    "storage.delete": lambda host, namespace, key: host.storage.delete(namespace, key),
    "logging.log-info": lambda host, message, fields=None: host.logging.emit("info", message, fields),
    "logging.log-warn": lambda host, message, fields=None: host.logging.emit("warn", message, fields),
    "logging.log-error": lambda host, message, fields=None: host.logging.emit("error", message, fields),
    "ui-proxy.call-route": lambda host, route, payload=None: [
        *json.loads(host.ui_proxy.call_route(route, None if payload is None else payload.encode()))
    ],
    "user.get-user": get_old_user,
    "user-v2.get-user": lambda host: host.user().user_name,
    "scheduler.create-schedule": lambda host, **given: result(host.scheduler.create(**given)),
    "scheduler.get-schedule": lambda host, id: or_none(host.scheduler.get(id), "cron"),  # noqa: A006
    "scheduler.list-schedules": lambda host: len(host.scheduler.list()),
    "scheduler.update-schedule": lambda host, id, **given: result(host.scheduler.update(id, **given)),  # noqa: A006
    "scheduler.delete-schedule": lambda host, id: result(host.scheduler.delete(id)),  # noqa: A006
    "scheduler.get-endpoints": lambda host: [endpoint.path for endpoint in host.scheduler.endpoints()],
    "invoicing.create-manual-invoice": create_invoice,
    "clients.list-clients": list_clients,
    "clients.get-client": lambda host, id: or_none(host.clients.get(id), "client_name"),  # noqa: A006
    "services.list-services": list_services,
    "services.get-service": lambda host, id: or_none(host.services.get(id), "service_name"),  # noqa: A006
}


def answer(request, host, value):
    """A schedule gets no response: the tests read the answer in the log."""
    if request.context.trigger is not None:
        host.logging.info(f"answer {json.dumps(value)}")
    return json_response(value)


def handler(request, host):
    for _ in range(int(request.query.get("burn", ["0"])[0])):
        host.context.get()
    try:
        return answer(request, host, {"ok": FUNCTIONS[request.path[1:]](host, **request.json())})
    except HostError as error:
        return answer(request, host, {"error": error.code})
    except (TypeError, ValueError) as error:
        return json_response({"error": "TypeError", "message": str(error)})
