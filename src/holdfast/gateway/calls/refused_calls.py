"""Reports calls that end before the runner gets them, to the author who develops the extension: in its debug stream.

Only while `holdfast dev` builds the extension. Otherwise such calls are in the log, and callers without access fill no debug stream.
"""

from __future__ import annotations

from msgspec import structs
from starlette.requests import Request

from holdfast.errors import HoldfastError
from holdfast.events.model.event import notice
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.calls.target import Target
from holdfast.gateway.http.errors import BadGateway, GatewayTimeout
from holdfast.gateway.http.requests import request_id
from holdfast.gateway.services import Services

MAX_PATH = 500
_REPORTED_BY_THE_RUNNER = (BadGateway, GatewayTimeout)


def report_refusal(services: Services, request: Request, caller: Caller, target: Target, method: str, error: HoldfastError) -> None:
    """Adds `call refused: METHOD PATH with STATUS CODE: message` to the debug stream, if the extension is being developed."""
    if not services.development or isinstance(error, _REPORTED_BY_THE_RUNNER):
        return
    tenant_id = caller.identity.tenant_id
    developed = services.development.find(tenant_id, target.extension)
    if developed is None:
        return
    message = f"call refused: {method} {target.path[:MAX_PATH]} with {error.status} {error.code}: {error}"
    about = notice(tenant_id, developed.registry_id, message)
    services.events.publish(structs.replace(about, request_id=request_id(request)))
