"""What the path of a call names, and the operations of a gateway of calls."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from starlette.requests import Request

from holdfast.gateway.http.error_formats import CALL_ERRORS
from holdfast.gateway.http.requests import path_segments
from holdfast.gateway.services import Services
from holdfast.http.operations import Handler, Operation

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Target(NamedTuple):
    """`extension` is decoded. `path`, the extension's own, starts with `/`; it and `prefix`, which precedes it and ends with `/`, are
    percent-encoded as they came."""

    extension: str
    path: str
    prefix: str

    @classmethod
    def of(cls, request: Request) -> Target:
        """The target of a request to `/api/{gateway}/{extension}/{path}`. Raises InvalidRequest."""
        api, gateway, extension, *rest = path_segments(request)
        return cls(unquote(extension), "/" + "/".join(rest), f"/{api}/{gateway}/{extension}/")


def call_operations(path: str, call: Handler[Services], options: Handler[Services]) -> tuple[Operation[Services], ...]:
    """The operations of the gateway below `path`.

    Without a summary, so they are not in the OpenAPI document: the manifest of each extension declares its endpoints.
    """
    paths = (f"{path}/{{extension}}", f"{path}/{{extension}}/{{path:path}}")
    calls = [Operation(method=method, path=path, handler=call, errors=CALL_ERRORS, fast=True) for path in paths for method in METHODS]
    return (*calls, *(Operation(method="OPTIONS", path=path, handler=options, errors=CALL_ERRORS) for path in paths))
