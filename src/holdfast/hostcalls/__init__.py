"""The functions that a guest can call: one module per WIT interface, behind one check of quota and capability (`CallHost`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.hostcalls.application.backend import BackendUnavailable, HostBackend, HttpBackend, Reply, Service
from holdfast.hostcalls.call.context import CallContext, CallUser
from holdfast.hostcalls.call.limits import HostLimits
from holdfast.hostcalls.call_host import CallHost
from holdfast.hostcalls.host_services import HostServices
from holdfast.hostcalls.network.egress import EgressRule, InvalidEgressEntry, parse_rule, parse_rules
from holdfast.hostcalls.secret_envelope.envelope import SecretDecryptFailed
from holdfast.hostcalls.secret_envelope.inline import open_inline_envelope

if TYPE_CHECKING:
    from holdfast.hostcalls.application.ui_proxy import UiProxyClient
    from holdfast.hostcalls.network.fetch import Fetcher, FetchLimits

__all__ = [
    "BackendUnavailable",
    "CallContext",
    "CallHost",
    "CallUser",
    "EgressRule",
    "FetchLimits",
    "Fetcher",
    "HostBackend",
    "HostLimits",
    "HostServices",
    "HttpBackend",
    "InvalidEgressEntry",
    "Reply",
    "SecretDecryptFailed",
    "Service",
    "UiProxyClient",
    "open_inline_envelope",
    "parse_rule",
    "parse_rules",
]


def __getattr__(name: str) -> Any:
    """Imports what loads an HTTP library when it is used: a runner does not need it to start."""
    if name == "UiProxyClient":
        from holdfast.hostcalls.application.ui_proxy import UiProxyClient

        return UiProxyClient
    if name in ("Fetcher", "FetchLimits"):
        from holdfast.hostcalls.network import fetch

        return getattr(fetch, name)
    raise AttributeError(name)
