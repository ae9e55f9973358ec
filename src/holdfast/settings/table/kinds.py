"""The base of the groups, the kinds of values that settings have, and how their variables are named."""

from __future__ import annotations

import re
from ipaddress import IPv6Network, ip_network
from typing import Annotated, ClassVar, NamedTuple
from urllib.parse import urlsplit

from holdfast.settings.table.fields import SettingField
from holdfast.settings.table.reading import ReadText


class SettingsGroup:
    """A group of the table: a `title`, and annotated names with their `setting`."""

    title: ClassVar[str]

    @classmethod
    def own_fields(cls) -> dict[str, SettingField]:
        """The settings of this group by name, in the order of the table."""
        return {name: value for name, value in vars(cls).items() if isinstance(value, SettingField)}


_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def parse_log_level(value: str) -> str:
    """A log level in our words. Of a filter such as `info,ext=debug` it is the part without a target."""
    bare = next((part for part in value.lower().replace(" ", "").split(",") if part and "=" not in part), "info")
    return {"trace": "debug", "warn": "warning", "off": "error"}.get(bare, bare)


def _domain(value: str) -> str:
    name = value.strip().lower()
    if len(name) > 180 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("it is not a domain such as apps.example.com")
    return name


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        # The value is not quoted here: an address can contain a password.
        raise ValueError("it must be an http:// or https:// address")
    return value.strip()


UNIX_CALLERS = "unix"
"""How RUNNER_TRUSTED_CALLERS names the callers of the runner's Unix socket."""

_SHORTEST_PREFIX = {4: 24, 6: 64}
_IPV4_IN_IPV6 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))


def trusted_caller_names(value: str) -> tuple[str, ...]:
    """The entries of RUNNER_TRUSTED_CALLERS: `unix` and IP networks, each in its usual spelling.

    Raises ValueError, which names the entry, for anything else, and for a network that is wider than /24 (IPv4) or /64 (IPv6).
    """
    return tuple(_trusted_caller(entry) for part in value.split(",") if (entry := part.strip()))


def _trusted_caller(entry: str) -> str:
    if entry == UNIX_CALLERS:
        return entry
    try:
        network = ip_network(entry)
    except ValueError:
        raise ValueError(
            f"{entry} is neither `{UNIX_CALLERS}` nor a network such as 10.0.3.0/24 or fd00::/64, with no bits beyond its prefix"
        ) from None
    shortest = _SHORTEST_PREFIX[network.version]
    if network.prefixlen < shortest:
        raise ValueError(f"{entry} is wider than /{shortest}; name the networks of the callers")
    if isinstance(network, IPv6Network) and any(network.overlaps(range_of_ipv4) for range_of_ipv4 in _IPV4_IN_IPV6):
        raise ValueError(f"{entry} is a form of IPv4 addresses; write an IPv4 network")
    return str(network)


def _trusted_callers(value: str) -> str:
    return ",".join(trusted_caller_names(value))


TrustedCallerNames = Annotated[str, ReadText(_trusted_callers)]


def _http_urls(value: str) -> str:
    return ",".join(_http_url(part) for part in value.split(","))


DomainName = Annotated[str, ReadText(_domain)]
HttpUrl = Annotated[str, ReadText(_http_url)]
HttpUrls = Annotated[str, ReadText(_http_urls)]
"""Addresses, separated by commas."""


_ORIGIN_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:]+:[0-9a-f:.]*", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _origin(value: str) -> str:
    text = value.strip().lower().removesuffix("/")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{text} is not an origin") from None
    rest = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in _DEFAULT_PORTS or rest or not _ORIGIN_HOST.fullmatch(host):
        raise ValueError(f"{text} is not an origin such as https://app.example.com; patterns and `null` are not origins")
    shown = f"[{host}]" if ":" in host else host
    # As browsers send it: without the scheme's own port.
    return f"{parts.scheme}://{shown}" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{parts.scheme}://{shown}:{port}"


def _origins(value: str) -> str:
    return ",".join(_origin(part) for part in value.split(",") if part.strip())


Origins = Annotated[str, ReadText(_origins)]
"""Origins as browsers send them, separated by commas."""


class CallAllowance(NamedTuple):
    """A rate limit: `burst` calls at once, then `per_second` calls a second (may be below 1). A burst of 0 means no limit."""

    burst: int
    per_second: float

    def __str__(self) -> str:
        return f"{self.burst}+{self.per_second:g}/s" if self.burst else "off"


_ALLOWANCE = re.compile(r"([0-9]{1,9})\s*\+\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*/\s*(s|min)", re.ASCII)


def _allowance(value: str) -> CallAllowance:
    if value.strip().lower() == "off":
        return CallAllowance(0, 0)
    found = _ALLOWANCE.fullmatch(value.strip().lower())
    if found is None or int(found[1]) < 1 or float(found[2]) <= 0:
        raise ValueError("it is not a rate limit such as 600+20/s (600 calls at once, then 20 a second), 60+30/min, or off")
    return CallAllowance(int(found[1]), float(found[2]) / (60 if found[3] == "min" else 1))


RateLimit = Annotated[CallAllowance, ReadText(_allowance)]
