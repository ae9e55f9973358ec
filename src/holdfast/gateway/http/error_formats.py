"""The formats in which most operations of the gateway report errors, for the table of operations."""

from __future__ import annotations

from holdfast.gateway.http.responses import respond_to_call_errors, respond_to_errors
from holdfast.http.operations import ErrorFormat, NamedSchema

ERROR_DETAILS = {"hint": {"type": "string"}, "details": {}, "requestId": {"type": "string"}}
"""What every format may add to an error."""

_ERROR = NamedSchema(
    "Error",
    {
        "type": "object",
        "description": "The shape of an error. `error` is a stable code; `message` and `hint` are for people.",
        "required": ["error", "message", "requestId"],
        "properties": {"error": {"type": "string"}, "message": {"type": "string"}, **ERROR_DETAILS},
    },
)

STANDARD_ERRORS = ErrorFormat(respond_to_errors, _ERROR)
CALL_ERRORS = ErrorFormat(respond_to_call_errors, _ERROR)
"""For calls of extensions: an unexpected error means that access could not be decided, so the caller learns no more than that."""
