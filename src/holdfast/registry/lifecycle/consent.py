"""What an administrator agrees to when an install changes its version, and what is granted then."""

from __future__ import annotations

from msgspec import Struct

from holdfast.registry.installs.permissions import Permissions, granted_to, named_permissions, requested_by, require_requested
from holdfast.registry.models.installs import ExtensionVersion, TenantExtensionInstall


class Choice(Struct, frozen=True, kw_only=True):
    """The administrator's choice. `consent` grants everything new that was shown; `capabilities` and `egress` are exactly what to grant."""

    consent: bool = False
    capabilities: list[str] | None = None
    egress: list[str] | None = None


def new_requests(install: TenantExtensionInstall, old: ExtensionVersion, new: ExtensionVersion) -> Permissions:
    """What a version requests that was neither granted nor requested before."""
    return requested_by(new) - requested_by(old) - granted_to(install)


def grants_after(install: TenantExtensionInstall, old: ExtensionVersion, new: ExtensionVersion, choice: Choice) -> Permissions | None:
    """What is granted after the change from `old` to `new`, or None when consent is missing.

    Raises RegistryError (`unknown_capability`) when the choice names what the version does not request.
    """
    requested, more = requested_by(new), new_requests(install, old, new)
    retained = granted_to(install) & requested
    chosen = named_permissions(choice.capabilities or [], choice.egress or [])
    require_requested(chosen, requested)
    if choice.consent:
        # Consent covers what was shown. A bundle that was replaced since then may request more.
        if more - _shown(install, new, more):
            return None
        retained, more = retained | more, Permissions()
    if (more.capabilities and choice.capabilities is None) or (more.egress and choice.egress is None):
        return None
    return Permissions(
        retained.capabilities if choice.capabilities is None else chosen.capabilities,
        retained.egress if choice.egress is None else chosen.egress,
    )


def _shown(install: TenantExtensionInstall, new: ExtensionVersion, more: Permissions) -> Permissions:
    pending = install.pending or {}
    if pending.get("version_id") != new.id:
        return more  # named explicitly: there is no pending upgrade that showed less
    return named_permissions(pending.get("capabilities", []), pending.get("egress", []))
