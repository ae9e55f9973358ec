"""How single values of a manifest are read: text, version, capability, path, method, egress entry. Each says what it expected."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from holdfast.world.capabilities import Capability

_VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(\*|(0|[1-9]\d{0,8})(-[0-9A-Za-z.-]{1,64})?(\+[0-9A-Za-z.-]{1,64})?)", re.ASCII)
_HOST_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_EGRESS = re.compile(r"(?:(?P<scheme>https?)://)?(?P<host>\[[0-9a-f:.]+\]|[^:/\[\]]+)(?::(?P<port>\d{1,5}))?", re.ASCII)

_SHORT_CAPABILITIES = {capability.value.removeprefix("cap:"): capability for capability in Capability} | {"log": Capability.LOG_EMIT}


def _visible(text: str) -> str:
    if not text.strip():
        raise ValueError("expected text that is not blank")
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("expected text without control characters")
    return text


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError("expected a version such as 1.2.3, 1.2.3-beta.1 or 1.2.*")
    return text


def _inside(text: str) -> str:
    """A path inside the bundle: relative, with no way up."""
    if text.startswith("/") or "\\" in text or ".." in text.split("/"):
        raise ValueError("expected a relative path inside the bundle, with no '..' and no backslash")
    return text


def _endpoint_path(text: str) -> str:
    path = text if text.startswith("/") else f"/{text}"
    if any(character.isspace() for character in path) or ".." in path or any(mark in path for mark in "?#\\"):
        raise ValueError("expected a path such as /items/:id, with no spaces, no '..', no query and no backslash")
    return path


def _capability(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    name = value.strip().lower()
    try:
        return Capability(name)
    except ValueError:
        pass
    if name in _SHORT_CAPABILITIES:
        return _SHORT_CAPABILITIES[name]
    raise ValueError(f"unknown capability {value!r}; expected one of {', '.join(capability.value for capability in Capability)}")


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _is_host(host: str) -> bool:
    if host.startswith("["):
        try:
            return ipaddress.ip_address(host[1:-1]).version == 6
        except ValueError:
            return False
    return len(host) <= 253 and all(_HOST_LABEL.fullmatch(label) for label in host.split("."))


def _egress(text: str) -> str:
    entry = text.strip().lower()
    match = _EGRESS.fullmatch(entry)
    if match is None or not _is_host(match["host"]) or (match["port"] is not None and not 0 < int(match["port"]) < 65536):
        raise ValueError("expected a host such as api.example.com, api.example.com:8443 or https://api.example.com (no path, no wildcard)")
    return entry


def _name(text: str) -> str:
    if "/" in text or "\\" in text:
        raise ValueError("expected a name without slashes, such as com.example.tickets")
    return text


Text = Annotated[str, StringConstraints(max_length=2_000), AfterValidator(_visible)]
Prose = Annotated[str, StringConstraints(max_length=20_000)]
Label = Annotated[str, StringConstraints(max_length=200), AfterValidator(_visible)]
Name = Annotated[Label, AfterValidator(_name)]
Version = Annotated[str, StringConstraints(max_length=100), AfterValidator(_version)]
InsidePath = Annotated[str, StringConstraints(max_length=255), AfterValidator(_visible), AfterValidator(_inside)]
EndpointPath = Annotated[str, StringConstraints(max_length=500), AfterValidator(_visible), AfterValidator(_endpoint_path)]
Method = Annotated[Literal["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"], BeforeValidator(_upper)]
CapabilityName = Annotated[Capability, BeforeValidator(_capability)]
EgressEntry = Annotated[str, StringConstraints(max_length=300), AfterValidator(_egress)]
SettingKey = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,128}$")]
