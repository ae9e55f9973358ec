"""Egress rules: which hosts an extension may call, by its install and by the operator, and the target of a URL."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from holdfast.errors import HoldfastError
from holdfast.hostcalls.network.addresses import is_address, is_loopback

if TYPE_CHECKING:
    import httpx2

DEFAULT_PORTS = {"https": 443, "http": 80}
MAX_URL_CHARACTERS = 8_192

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOOPBACK_NAME = "localhost"


class InvalidEgressEntry(HoldfastError):
    """Raised when an egress entry is not `host`, `host:port`, `*.host` or one of these with `https://` or `http://` before it."""

    code = "invalid_egress_entry"
    status = 400


class InvalidTarget(ValueError):
    """Raised when a URL cannot be the target of a fetch. The text says why."""


class Target(Struct, frozen=True):
    """The target of a URL. `host` is lower-case ASCII without a final dot; an IPv6 address has no brackets."""

    scheme: str
    host: str
    port: int
    url: httpx2.URL


class EgressRule(Struct, frozen=True):
    """One allowed target. `subdomains`: every name below `host`, but not `host` itself. `explicit_port`: the entry names the port."""

    scheme: str
    host: str
    port: int
    subdomains: bool
    explicit_port: bool

    def matches(self, target: Target) -> bool:
        """Whether the rule allows this target."""
        if (self.scheme, self.port) != (target.scheme, target.port):
            return False
        return self.covers_host(target.host)

    def covers_host(self, host: str) -> bool:
        """Whether the rule is about this host, on whatever scheme and port."""
        return host.endswith("." + self.host) if self.subdomains else host == self.host

    @property
    def is_loopback(self) -> bool:
        """Whether the rule allows a port of this machine itself."""
        return self.explicit_port and not self.subdomains and (self.host == _LOOPBACK_NAME or is_loopback(self.host))


def parse_target(url: str) -> Target:
    """Parses the URL of a fetch. Raises InvalidTarget for schemes other than http and https, credentials, and ambiguous hosts."""
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidTarget("the URL is too long")
    import httpx2  # when there is a URL: most calls have none, and a runner starts sooner

    try:
        parsed = httpx2.URL(url)
        host = parsed.raw_host.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        raise InvalidTarget("it is not a URL") from None
    if parsed.scheme not in DEFAULT_PORTS:
        raise InvalidTarget("the scheme must be https or http")
    if parsed.userinfo:
        raise InvalidTarget("the URL carries credentials; send them in a header")
    port = DEFAULT_PORTS[parsed.scheme] if parsed.port is None else parsed.port
    if not 1 <= port <= 65_535:
        raise InvalidTarget("the port is out of range")
    return Target(parsed.scheme, normalize_host(host), port, parsed)


def normalize_host(host: str) -> str:
    """The host in the one form that rules are compared in. Raises InvalidTarget for text that is neither a name nor a plain address.

    `2130706433`, `0x7f.1` and `127.1` are addresses to some resolvers and names to others, so a host that ends in a number must consist
    of four decimal numbers.
    """
    host = host.lower().removesuffix(".")
    if ":" in host:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            raise InvalidTarget("the host is not an address") from None
        if address.scope_id is not None:
            raise InvalidTarget("the host names a network interface")
        return address.compressed
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise InvalidTarget("the host is not a name")
    if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise InvalidTarget("the host is a number that is not an address") from None
    return host


def parse_rule(entry: str) -> EgressRule:
    """Parses one egress entry; the default scheme is https, the default port that of the scheme. Raises InvalidEgressEntry."""
    return _parse_rule(entry.strip().lower())


# Every call has the entries of its install: parsing one takes as long as starting a guest.
@lru_cache(maxsize=4_096)
def _parse_rule(text: str) -> EgressRule:
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "https", text
    subdomains = rest.startswith("*.")
    try:
        if re.search(r"[/?#@\\\s]", rest):
            raise InvalidTarget("an entry is a host, without a path or credentials")
        target = parse_target(f"{scheme}://{rest.removeprefix('*.')}")
    except InvalidTarget as error:
        raise _invalid(text, str(error)) from None
    if subdomains and ("." not in target.host or ":" in target.host or is_address(target.host)):
        raise _invalid(text, "`*.` needs a domain of at least two parts after it")
    return EgressRule(target.scheme, target.host, target.port, subdomains, re.search(r":[0-9]+$", rest) is not None)


def parse_rules(entries: Iterable[str]) -> tuple[EgressRule, ...]:
    """Parses egress entries and skips blank ones. Raises InvalidEgressEntry for the first invalid one."""
    return tuple(parse_rule(entry) for entry in entries if entry.strip())


def _invalid(entry: str, reason: str) -> InvalidEgressEntry:
    return InvalidEgressEntry(
        f"The egress entry {entry[:200]!r} is invalid: {reason}.",
        hint="Write api.example.com, api.example.com:8443, *.example.com or http://api.example.com.",
    )
