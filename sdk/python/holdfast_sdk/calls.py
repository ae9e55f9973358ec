"""Calls a function of the host and turns its error case into a HostError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from componentize_py_types import Err

from holdfast_sdk.errors import HostError


def call(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a host function. Raises HostError, whose `call` is `name`."""
    try:
        return function(*arguments)
    except Err as error:
        code = error.value.name.lower().replace("_", "-") if hasattr(error.value, "name") else str(error.value)
        raise HostError(name, code, _hint(name, code)) from None


_CAPABILITIES = {
    "secrets": "cap:secrets.get",
    "storage": "cap:storage.kv",
    "user": "cap:user.read",
    "scheduler": "cap:scheduler.manage",
    "clients": "cap:client.read",
    "services": "cap:service.read",
}


def _hint(name: str, code: str) -> str | None:
    if code not in ("denied", "not-allowed"):
        return None
    if name == "http.fetch":
        return 'Add the host to "egress" in manifest.json, and cap:http.fetch to "capabilities".'
    if name == "ui-proxy.call-route":
        return (
            'Add the route to "uiProxy": {"routes": […]} in manifest.json, and cap:ui.proxy to "capabilities"; '
            "the user of the call may lack the permission."
        )
    capability = _CAPABILITIES.get(name.split(".")[0])
    return None if capability is None else f"The install may not have been granted {capability}."
