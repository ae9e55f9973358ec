"""What goes over the wire at `POST /v1/execute` and `POST /warmup`. Unknown fields are ignored at every level."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from holdfast.hostcalls import CallUser, SecretEnvelope
from holdfast.runner.errors import MalformedBody, WrongShape

T = TypeVar("T")


class CallIdentity(Struct, frozen=True, kw_only=True):
    """`context`: for whom which version runs. `egress` is Holdfast's own field: the hosts that the manifest declared. `trigger` and
    `schedule_id` say what made the call, when that was no person."""

    tenant_id: str
    extension_id: str
    content_hash: str
    request_id: str | None = None
    install_id: str | None = None
    version_id: str | None = None
    config: dict[str, str] = field(default_factory=dict)
    egress: list[str] = field(default_factory=list)
    trigger: str | None = None
    schedule_id: str | None = None


Fields = dict[str, str | list[str]] | list[tuple[str, str]]
"""Names and values in order: an object (a list where a name has several values), or, where names alternate, a list of pairs."""


def pairs(fields: Fields) -> list[tuple[str, str]]:
    """The fields one by one, in their order."""
    if isinstance(fields, list):
        return fields
    return [(name, value) for name, given in fields.items() for value in ([given] if isinstance(given, str) else given)]


class CallHttp(Struct, frozen=True, kw_only=True):
    """`http`: the request for the guest. `url` is path and query as they came; without it, they are put together from the parts.

    `body_b64` is standard base64; an empty text is a body of no bytes, null is no body.
    """

    method: str
    path: str
    url: str | None = None
    query: Fields = field(default_factory=dict)
    headers: Fields = field(default_factory=dict)
    body_b64: str | None = None

    @property
    def target(self) -> str:
        """Path and query as the guest sees them: `url` when it is of this path, else the path with the form-encoded query."""
        if self.url is not None and self.url.partition("?")[0] == self.path:
            return self.url
        query = urlencode(pairs(self.query)) if self.query else ""
        return f"{self.path}{'&' if '?' in self.path else '?'}{query}" if query else self.path


Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""What JSON numbers hold exactly (RFC 8259, section 6)."""


class CallLimits(Struct, frozen=True, kw_only=True):
    """`limits`: what the caller asks for; absent values get the defaults, and all are capped."""

    timeout_ms: Count | None = None
    memory_mb: Count | None = None
    fuel: Count | None = None


class WireUser(Struct, frozen=True, kw_only=True):
    """`user`. `company_name` is another name of `client_name`."""

    user_id: str
    user_email: str
    user_name: str
    user_type: str
    client_name: str | None = None
    company_name: str | None = None
    client_id: str | None = None
    additional_fields: dict[str, str] = field(default_factory=dict)

    def as_call_user(self) -> CallUser:
        return CallUser(
            user_id=self.user_id,
            user_email=self.user_email,
            user_name=self.user_name,
            user_type=self.user_type,
            client_name=self.client_name or self.company_name or "",
            client_id=self.client_id,
            additional_fields=self.additional_fields,
        )


class ExecuteCall(Struct, frozen=True, kw_only=True):
    """The body of `POST /v1/execute`."""

    context: CallIdentity
    http: CallHttp
    limits: CallLimits = field(default_factory=CallLimits)
    secret_envelope: SecretEnvelope | None = None
    providers: list[str] = field(default_factory=list)
    user: WireUser | None = None


Name = Annotated[str, Meta(min_length=1)]


class WarmupCall(Struct, frozen=True, kw_only=True):
    """The body of `POST /warmup`."""

    tenant_id: Name
    extension_id: Name
    content_hash: Name


class FailureReport(Struct, frozen=True, kw_only=True):
    """Why a call gave no answer, for the author: never shown to callers outside development."""

    code: str
    message: str
    guest_stack: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)


class Envelope(Struct, frozen=True, kw_only=True):
    """The answer of `POST /v1/execute`. `error` is null when the guest answered; then the rest is the guest's own.

    In `headers` the values of a repeated name are joined by ", "; `header_list` has every header in the guest's order.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body_b64: bytes | None = None
    error: str | None = None
    header_list: list[tuple[str, str]] | UnsetType = UNSET
    failure: FailureReport | UnsetType = UNSET


def decode(body: bytes, shape: type[T]) -> T:
    """Reads a JSON body. Raises MalformedBody when it is no JSON, WrongShape when a field is missing or of another type."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise WrongShape(f"The request body does not have the agreed shape: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"The request body is not JSON: {error}.") from None


def encode(value: Any) -> bytes:
    """JSON; bytes become standard base64."""
    return msgspec.json.encode(value)
