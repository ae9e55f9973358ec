"""The functions that a guest can call: one module per WIT interface, behind one check of quota and capability (`CallHost`)."""

from holdfast.hostcalls.application.backend import BackendUnavailable, HostBackend, HttpBackend, Reply, Service
from holdfast.hostcalls.application.ui_proxy import UiProxyClient
from holdfast.hostcalls.call.context import CallContext, CallUser
from holdfast.hostcalls.call.limits import HostLimits
from holdfast.hostcalls.call_host import CallHost
from holdfast.hostcalls.host_services import HostServices
from holdfast.hostcalls.network.egress import EgressRule, InvalidEgressEntry, parse_rule, parse_rules
from holdfast.hostcalls.network.fetch import Fetcher, FetchLimits
from holdfast.hostcalls.secret_envelope.envelope import SecretDecryptFailed
from holdfast.hostcalls.secret_envelope.inline import open_inline_envelope

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
