"""What a guest may ask of its host: one module per WIT interface, behind one door."""

from holdfast.hostcalls.backend import BackendUnavailable, HostBackend, HttpBackend, Reply, Service
from holdfast.hostcalls.call import CallContext, CallUser
from holdfast.hostcalls.door import HostDoor
from holdfast.hostcalls.interfaces.secrets import SecretDecryptFailed, open_envelope
from holdfast.hostcalls.interfaces.ui_proxy import UiProxy
from holdfast.hostcalls.network.egress import EgressRule, InvalidEgressEntry, parse_rule, parse_rules
from holdfast.hostcalls.network.fetch import Fetcher, FetchLimits
from holdfast.hostcalls.process import HostServices
from holdfast.hostcalls.session import DoorLimits

__all__ = [
    "BackendUnavailable",
    "CallContext",
    "CallUser",
    "DoorLimits",
    "EgressRule",
    "FetchLimits",
    "Fetcher",
    "HostBackend",
    "HostDoor",
    "HostServices",
    "HttpBackend",
    "InvalidEgressEntry",
    "Reply",
    "SecretDecryptFailed",
    "Service",
    "UiProxy",
    "open_envelope",
    "parse_rule",
    "parse_rules",
]
