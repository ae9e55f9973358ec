"""The SDK for handlers in Python: `from holdfast_sdk import Host, Request, json_response`."""

from holdfast_sdk.application import (
    Client,
    ClientPage,
    Endpoint,
    InvoiceResult,
    Schedule,
    ScheduleResult,
    Service,
    ServicePage,
)
from holdfast_sdk.errors import HostError
from holdfast_sdk.host import Host
from holdfast_sdk.messages import Context, Request, Response, empty_response, json_response, text_response
from holdfast_sdk.records import Entry, Fetched, User

__all__ = [
    "Client",
    "ClientPage",
    "Context",
    "Endpoint",
    "Entry",
    "Fetched",
    "Host",
    "HostError",
    "InvoiceResult",
    "Request",
    "Response",
    "Schedule",
    "ScheduleResult",
    "Service",
    "ServicePage",
    "User",
    "empty_response",
    "json_response",
    "text_response",
]
