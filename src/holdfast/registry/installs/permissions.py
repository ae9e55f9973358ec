"""What a version requests and what an install is granted, as sets with set operations."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from holdfast.registry.errors import RegistryError
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall
from holdfast.world.capabilities import Capability, parse_capabilities


class Permissions(Struct, frozen=True):
    """Capabilities (`cap:…`) and egress hosts. `|`, `&` and `-` work as for sets, on both at once; empty permissions are false."""

    capabilities: frozenset[str] = frozenset()
    egress: frozenset[str] = frozenset()

    def __or__(self, other: Permissions) -> Permissions:
        return Permissions(self.capabilities | other.capabilities, self.egress | other.egress)

    def __and__(self, other: Permissions) -> Permissions:
        return Permissions(self.capabilities & other.capabilities, self.egress & other.egress)

    def __sub__(self, other: Permissions) -> Permissions:
        return Permissions(self.capabilities - other.capabilities, self.egress - other.egress)

    def __bool__(self) -> bool:
        return bool(self.capabilities or self.egress)

    def as_lists(self) -> dict[str, list[str]]:
        """`{capabilities, egress}`, each sorted: the form in JSON."""
        return {"capabilities": sorted(self.capabilities), "egress": sorted(self.egress)}


def named_permissions(capabilities: Iterable[str], egress: Iterable[str]) -> Permissions:
    """Permissions as people and stored rows write them: trimmed and in lower case, known or not."""
    known, unknown = parse_capabilities(capabilities)
    hosts = (host.strip().lower() for host in egress)
    return Permissions(frozenset({*(str(name) for name in known), *unknown}), frozenset(host for host in hosts if host))


def requested_by(version: ExtensionVersion) -> Permissions:
    """What a version requests."""
    return named_permissions(version.capabilities, version.egress)


def granted_to(install: TenantExtensionInstall) -> Permissions:
    """What an install is granted."""
    return named_permissions(install.granted_caps, install.granted_egress)


def set_granted(install: TenantExtensionInstall, granted: Permissions) -> None:
    """Writes what an install is granted into its row."""
    install.granted_caps = sorted(granted.capabilities)
    install.granted_egress = sorted(granted.egress)


def require_known(version: ExtensionVersion) -> None:
    """Raises RegistryError (`unknown_capability`) when a version requests a capability that does not exist."""
    _known, unknown = parse_capabilities(version.capabilities)
    if unknown:
        raise RegistryError(
            "unknown_capability",
            f"Version {version.version} requests capabilities that do not exist: {', '.join(unknown)}.",
            hint=f"Known ones are {', '.join(sorted(Capability))}.",
            details={"unknown": unknown},
        )


def require_requested(wanted: Permissions, requested: Permissions) -> None:
    """Raises RegistryError (`unknown_capability`) when something is wanted that is not requested."""
    unrequested = wanted - requested
    if unrequested:
        names = [*sorted(unrequested.capabilities), *sorted(unrequested.egress)]
        raise RegistryError(
            "unknown_capability",
            f"The extension does not request {', '.join(names)}.",
            hint="Only capabilities and egress hosts named in its manifest can be granted.",
            details={"unknown": names},
        )
