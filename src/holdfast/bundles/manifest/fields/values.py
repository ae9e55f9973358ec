"""The types of single values in a manifest: text, version, capability, path, method, egress entry. Each reports what it expected."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from holdfast.bundles.manifest.fields.request_headers import HEADER_MAX_LENGTH, HEADER_PATTERN, read_header_name
from holdfast.bundles.manifest.parsing.errors import Expected
from holdfast.bundles.versions import SEMVER_PATTERN, VERSION_MAX_LENGTH, WILDCARD_PATTERN
from holdfast.world.capabilities import Capability

# HEAD and OPTIONS are accepted because published manifests declare them; see `Endpoint.method`.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")

_SHORT_CAPABILITIES = {capability.value.removeprefix("cap:"): capability for capability in Capability} | {"log": Capability.LOG_EMIT}
_NEVER_EXISTED = frozenset({"events.emit", "events.subscribe", "metrics"})
"""Names that a schema of the existing platform lists, but that no host has ever implemented."""

_CONTROL = r"\u0000-\u001f\u007f"
_SPACE = rf"\s\u0085\ufeff{_CONTROL}"
_HOST_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_EGRESS = re.compile(r"(?:https?://)?(?P<host>\[[0-9a-f:.]+\]|[^:/\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
# ASCII only: `str.strip` without an argument also removes characters that the JSON Schema's pattern does not allow.
_BLANKS = " \t\n\r\f\v"


@dataclass(frozen=True)
class PatternText:
    """Text that `pattern` matches completely; the JSON Schema has the same pattern. `convert`, if given, returns the final value."""

    pattern: str
    expected: str
    max_length: int
    convert: Callable[[str], str] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        compiled = re.compile(self.pattern)

        def read(text: str) -> str:
            if not compiled.fullmatch(text):
                raise Expected(self.expected)
            return text if self.convert is None else self.convert(text)

        return core_schema.no_info_after_validator_function(read, core_schema.str_schema(max_length=self.max_length))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.max_length, "pattern": f"^(?:{self.pattern})$"}


def _endpoint_path(text: str) -> str:
    return text if text.startswith("/") else f"/{text}"


def _scheduled(text: str) -> str:
    method, blank, path = text.rpartition(" ")
    return f"{method}{blank}{_endpoint_path(path)}"


def route_key(method: str, path: str) -> tuple[str, ...]:
    """Equal for two endpoints that match the same requests: extra slashes and the names of parameters do not matter."""
    return (method, *(":" if segment.startswith(":") else segment for segment in path.split("/") if segment))


def _capability(value: Any) -> Any:
    if not isinstance(value, str):
        raise Expected("the name of a capability, such as cap:http.fetch")
    name = value.strip(_BLANKS).lower() if value.isascii() else value
    found = _SHORT_CAPABILITIES.get(name.removeprefix("cap:"))
    if found is not None and name != "cap:log":
        return found
    if name.removeprefix("cap:") in _NEVER_EXISTED:
        raise Expected("a capability that exists", found=f'"{value}", which no host has ever provided; remove it')
    raise Expected(f"one of {', '.join(capability.value for capability in Capability)}")


def _method(value: Any) -> Any:
    if not isinstance(value, str) or not value.isascii() or (method := value.strip(_BLANKS).upper()) not in METHODS:
        raise Expected(f"one of {', '.join(METHODS)}")
    return method


def _is_host(host: str) -> bool:
    if host.startswith("["):
        try:
            return ipaddress.ip_address(host[1:-1]).version == 6
        except ValueError:
            return False
    if host.rpartition(".")[2].isdecimal():
        # Some resolvers read `127.1` as an address. Only an address in full means the same everywhere.
        try:
            return ipaddress.ip_address(host).version == 4
        except ValueError:
            return False
    return len(host) <= 253 and all(_HOST_LABEL.fullmatch(label) for label in host.split("."))


_EGRESS_EXPECTED = "a host such as api.example.com, api.example.com:8443 or https://api.example.com (no path, no wildcard)"


def _egress(text: str) -> str:
    entry = text.strip(_BLANKS).lower()
    match = _EGRESS.fullmatch(entry)
    if match is None or not _is_host(match["host"]) or (match["port"] is not None and not 0 < int(match["port"]) < 65536):
        raise Expected(_EGRESS_EXPECTED)
    return entry


_NOT_BLANK = r"(?![\s\u0085\ufeff]*$)"
_VISIBLE = rf"{_NOT_BLANK}[^{_CONTROL}]+"


def _any_case(names: tuple[str, ...]) -> str:
    """A pattern that matches names in upper or lower case, with optional blanks around them."""
    written = "|".join("".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else re.escape(c) for c in name) for name in names)
    return rf"^[ \t\n\r\f\v]*(?:{written})[ \t\n\r\f\v]*$"


def _names_schema(suggested: tuple[str, ...], accepted: tuple[str, ...]) -> WithJsonSchema:
    """Editors suggest the names in `suggested`; `accepted` has every accepted spelling."""
    return WithJsonSchema({"type": "string", "anyOf": [{"enum": list(suggested)}, {"pattern": _any_case(accepted)}]})


Text = Annotated[str, PatternText(_VISIBLE, "text that is not blank and contains no control characters", 2_000)]
Prose = Annotated[str, StringConstraints(max_length=20_000)]
Label = Annotated[str, PatternText(_VISIBLE, "text that is not blank and contains no control characters", 200)]
Name = Annotated[str, PatternText(rf"{_NOT_BLANK}[^/\\{_CONTROL}]+", "a name without slashes, such as com.example.tickets", 200)]
Runtime = Annotated[str, PatternText(rf"[^{_CONTROL}]*[@-][^{_CONTROL}]*", "a runtime such as wasm-js@1", 200)]
Version = Annotated[
    str, PatternText(rf"{SEMVER_PATTERN}|{WILDCARD_PATTERN}", "a version such as 1.2.3, 1.2.3-beta.1 or 1.2.*", VERSION_MAX_LENGTH)
]
ExactVersion = Annotated[str, PatternText(SEMVER_PATTERN, "a version such as 1.2.3, without wildcard", VERSION_MAX_LENGTH)]
InsidePath = Annotated[
    str,
    PatternText(
        rf"{_NOT_BLANK}(?!/)(?!\.\.(?:/|$))(?!.*/\.\.(?:/|$))[^\\{_CONTROL}]+",
        "a relative path inside the bundle, with no '..' and no backslash",
        255,
    ),
]
EndpointPath = Annotated[
    str,
    PatternText(
        rf"(?!.*\.\.)[^?#\\{_SPACE}]+", "a path such as /items/:id, with no spaces, no '..', no query and no backslash", 500, _endpoint_path
    ),
]
ProxyRoute = Annotated[
    str,
    PatternText(
        rf"(?:GET|POST) /api/(?!(?:internal|ext|ext-proxy)(?:/|$))(?!.*\.\.)[^?#%\\{_SPACE}]+",
        "GET or POST and a path of the application, such as GET /api/v1/tickets/:id, not below /api/internal, /api/ext and /api/ext-proxy",
        500,
    ),
]
ScheduledEndpoint = Annotated[
    str,
    PatternText(
        rf"(?:(?:GET|POST) )?(?!.*\.\.)[^?#\\{_SPACE}]+",
        "the path of a schedulable endpoint, such as /daily or POST /daily",
        510,
        _scheduled,
    ),
]
EventEndpoint = Annotated[
    str,
    PatternText(rf"POST (?!.*\.\.)[^?#\\{_SPACE}]+", "POST and the path of an endpoint, such as POST /events", 255, _scheduled),
]
Cron = Annotated[
    str,
    PatternText(
        r"[0-9*/,-]+(?:[ \t]+[0-9*/,-]+){4}", "five fields (minute, hour, day of month, month, day of week), such as 0 9 * * *", 128
    ),
]
Timezone = Annotated[str, PatternText(r"[A-Za-z0-9_+/-]+", "a time zone such as UTC or Europe/Berlin", 64)]
PermissionName = Annotated[str, PatternText(r"[A-Za-z0-9_.-]{1,64}:[A-Za-z0-9_.-]{1,64}", "resource:action, such as billing:read", 129)]
HeaderName = Annotated[
    str, PatternText(HEADER_PATTERN, "the name of a request header, such as stripe-signature", HEADER_MAX_LENGTH, read_header_name)
]
Method = Annotated[
    Literal["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"], BeforeValidator(_method), _names_schema(METHODS, METHODS)
]
CapabilityName = Annotated[
    Capability,
    BeforeValidator(_capability),
    _names_schema(tuple(Capability), (*Capability, *_SHORT_CAPABILITIES)),
]
EgressEntry = Annotated[
    str,
    PatternText(
        r"[ \t\n\r\f\v]*(?:[Hh][Tt][Tt][Pp][Ss]?://)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?[ \t\n\r\f\v]*",
        _EGRESS_EXPECTED,
        300,
        _egress,
    ),
]
SettingKey = Annotated[str, PatternText(r"[a-zA-Z0-9_.-]{1,128}", "1 to 128 letters, digits, '_', '.' or '-'", 128)]
