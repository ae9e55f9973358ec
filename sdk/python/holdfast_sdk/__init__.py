"""The SDK for handlers in Python: `from holdfast_sdk import Host, Request, json_response`."""

from holdfast_sdk.errors import HostError
from holdfast_sdk.host import Host
from holdfast_sdk.messages import Context, Request, Response, empty_response, json_response, text_response
from holdfast_sdk.records import Entry, Fetched, User

__all__ = [
    "Context",
    "Entry",
    "Fetched",
    "Host",
    "HostError",
    "Request",
    "Response",
    "User",
    "empty_response",
    "json_response",
    "text_response",
]
