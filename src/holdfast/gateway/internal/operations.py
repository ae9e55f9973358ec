"""The table of the internal APIs' operations, for the runner. They are not in the OpenAPI document: the contract defines them."""

from __future__ import annotations

from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.internal.auth import with_service_token
from holdfast.gateway.internal.background_calls import call_in_background
from holdfast.gateway.internal.debug_events import receive_events
from holdfast.gateway.internal.install_config import show_install_config
from holdfast.gateway.internal.install_lookup import lookup_by_host, validate, with_lookup_key
from holdfast.gateway.internal.invoicing import use_invoicing
from holdfast.gateway.internal.records import use_clients, use_services
from holdfast.gateway.internal.scheduler import use_scheduler
from holdfast.gateway.internal.storage import use_storage
from holdfast.gateway.services import Services
from holdfast.http.operations import Handler, Operation


def _operation(method: str, path: str, handler: Handler[Services], *, fast: bool = False) -> Operation[Services]:
    return Operation(method=method, path=path, handler=handler, errors=STANDARD_ERRORS, fast=fast)


OPERATIONS: tuple[Operation[Services], ...] = (
    _operation("GET", "/api/installs/validate", with_lookup_key(validate)),
    _operation("GET", "/api/installs/lookup-by-host", with_lookup_key(lookup_by_host)),
    _operation("POST", "/api/internal/ext-runner/install-config", with_service_token(show_install_config)),
    # Checks the token itself, because its errors have another shape.
    _operation("POST", "/api/internal/ext-storage/install/{install_id}", use_storage, fast=True),
    _operation("POST", "/api/internal/ext-scheduler/install/{install_id}", use_scheduler),
    _operation("POST", "/api/internal/ext-clients/install/{install_id}", use_clients),
    _operation("POST", "/api/internal/ext-services/install/{install_id}", use_services),
    _operation("POST", "/api/internal/ext-invoicing/install/{install_id}", use_invoicing),
    _operation("POST", "/api/internal/ext-background/calls/{call_id}", with_service_token(call_in_background)),
    _operation("POST", "/api/internal/ext-debug/events", with_service_token(receive_events)),
)
