"""Request and response of `POST /v1/execute`. Readers ignore unknown fields at every level."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from msgspec import UNSET, Meta, Struct, UnsetType, field

from holdfast.contract.secret_envelope import SecretEnvelope

USAGE_HEADER = "x-holdfast-usage"
PREPARED_ONLY_HEADER = "x-holdfast-prepared-only"
"""A request with this header is executed only if its bundle is fetched and compiled, else the envelope has the error `being_prepared`: its
caller can wait with `POST /warmup` and then send it again. Without the header, the call itself fetches and compiles."""
BEING_PREPARED = "being_prepared"
"""The `error` of a call that was not executed because its bundle is not fetched and compiled yet."""
NOT_EXECUTED_HEADER = "x-holdfast-not-executed"
"""A runner's response with this header ends a request of which nothing was executed: it may be sent again, to another runner too."""
"""The request header with which a gateway asks for `usage`; its value is `1`."""

Fields = dict[str, str | list[str]] | list[tuple[str, str]]
"""Names and values in order: an object, with a list for a name that has several values, or a list of pairs, in the order of all."""

Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""What JSON numbers hold exactly (RFC 8259, section 6)."""


# Fields that runners expect even when they are empty have plain defaults, which are sent. Fields that are only sent when there is a value
# default to UNSET, or belong to a type with `omit_defaults`. (A type with both would need default factories in Python: they cost a runner a
# microsecond per call.)


def pairs(fields: Fields) -> list[tuple[str, str]]:
    """The fields one by one, in their order."""
    if isinstance(fields, list):
        return fields
    return [(name, value) for name, given in fields.items() for value in ([given] if isinstance(given, str) else given)]


class ExecuteContext(Struct, frozen=True, kw_only=True):
    """`context`: which version of an extension runs, and for which tenant.

    `egress`, `egress_withheld`, `extension_name` and `extension_version` are Holdfast's own fields: the hosts that the install was
    granted, those that the manifest declares and the install was not granted, and its name and version, for log lines and for the
    `User-Agent` of its fetches.
    `settings` are the values of `config` with the types that the manifest declares, sent when one of them is not text.
    `ui_proxy_routes` are the routes of the application that the extension may call, and `call_token` is what proves to the application that
    such a request is made for the caller of this call; without the list, the caller of the runner leaves routes to the application.
    `trigger` and `schedule_id` name what made the call if it was not a person.
    """

    tenant_id: str
    extension_id: str
    content_hash: str
    request_id: str | None = None
    install_id: str | None = None
    version_id: str | None = None
    config: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] | UnsetType | None = UNSET
    egress: list[str] = field(default_factory=list)
    egress_withheld: list[str] | UnsetType = UNSET
    extension_name: str | UnsetType | None = UNSET
    extension_version: str | UnsetType | None = UNSET
    ui_proxy_routes: list[str] | UnsetType | None = UNSET
    call_token: str | UnsetType | None = UNSET
    trigger: str | UnsetType | None = UNSET
    schedule_id: str | UnsetType | None = UNSET


class ExecuteHttp(Struct, frozen=True, kw_only=True):
    """`http`: the request for the guest. `url` is path and query as they arrived; without it, they are assembled from the parts.

    `body_b64` is standard base64; an empty string is an empty body; null or an absent field means no body. (In a frame, see `frames`, the
    body follows as bytes.)
    """

    method: str
    path: str
    url: str | None = None
    query: Fields = field(default_factory=dict)
    headers: Fields = field(default_factory=dict)
    body_b64: str | UnsetType | None = UNSET

    @property
    def target(self) -> str:
        """Path and query as the guest sees them: `url` when it is of this path, else the path with the form-encoded query."""
        if self.url is not None and self.url.partition("?")[0] == self.path:
            return self.url
        query = urlencode(pairs(self.query)) if self.query else ""
        return f"{self.path}{'&' if '?' in self.path else '?'}{query}" if query else self.path


class ExecuteLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`limits`: what the caller requests; absent values get the defaults, and all are capped."""

    timeout_ms: Count | None = None
    memory_mb: Count | None = None
    fuel: Count | None = None


class ExecuteUser(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`user`: on whose behalf the call is made. `company_name` is another name of `client_name`."""

    user_id: str
    user_email: str
    user_name: str
    user_type: str
    client_name: str | None = None
    company_name: str | None = None
    client_id: str | None = None
    additional_fields: dict[str, str] = field(default_factory=dict)


class ExecuteCall(Struct, frozen=True, kw_only=True):
    """The body of `POST /v1/execute`. `providers` are capability names. `endpoint` is what the manifest declares, such as
    `GET /items/:id`; it is for logs of other runners, ours does not read it."""

    context: ExecuteContext
    http: ExecuteHttp
    limits: ExecuteLimits = field(default_factory=ExecuteLimits)
    secret_envelope: SecretEnvelope | UnsetType | None = UNSET
    providers: list[str] = field(default_factory=list)
    endpoint: str | None = None
    user: ExecuteUser | None = None


class FailureReport(Struct, frozen=True, kw_only=True):
    """Why a call has no response, for the author: never shown to callers outside development.

    A stable code, a message, the guest's own stack (innermost first) and the last lines that it wrote to stderr. `rule` is Holdfast's own
    field: which of the rules behind the code was broken, such as `archive_path` for a bundle that cannot be unpacked.
    """

    code: str
    message: str = ""
    guest_stack: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    rule: str | UnsetType | None = UNSET


class CallUsage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`usage`: what one call used, for quotas. Absent values are zero, an absent `fuel` was not counted.

    `cpu_us` is CPU time of the guest and of its values' conversion, in microseconds, without waiting. `fuel` is Wasmtime's unit of
    computing. `egress_bytes` are the bytes of its fetches: headers and bodies, sent and received.
    """

    cpu_us: int = 0
    fuel: int | None = None
    egress_bytes: int = 0


class Envelope(Struct, frozen=True, kw_only=True):
    """The response of `POST /v1/execute`. `error` is null when the guest responded; then the rest is the guest's own.

    In `headers` the values of a repeated name are joined by ", " (other runners may send a list); `header_list`, which not every runner
    sends, has every header in the guest's order. `body_b64` is standard base64 in JSON. `usage` is Holdfast's own field: a runner sends it
    to a caller that asks for it with the request header `x-holdfast-usage: 1`, when the guest started; a repeated response has none.
    """

    status: int
    headers: dict[str, str | list[str]] = field(default_factory=dict)
    body_b64: bytes | None = None
    error: str | None = None
    header_list: list[tuple[str, str]] | UnsetType | None = UNSET
    failure: FailureReport | UnsetType | None = UNSET
    usage: CallUsage | UnsetType | None = UNSET

    def header_pairs(self) -> list[tuple[str, str]]:
        """The guest's headers as (name, value), repeated ones one by one where the runner sends them so."""
        return self.header_list if isinstance(self.header_list, list) else pairs(self.headers)
