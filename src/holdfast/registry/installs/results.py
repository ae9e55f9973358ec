"""What installing, upgrading and uninstalling return: plain data, which commands can import without the code behind it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from holdfast.bundles.signing.verification import SignatureStatus
from holdfast.registry.installs.upgrade_errors import MissingSchedule


class Installed(Struct, frozen=True, kw_only=True):
    """What was installed. `content_hash` is `sha256:` and 64 hexadecimal digits. `replaced` is the version that was installed before.

    `verdict` is the result of verifying the bundle's signature; the runner verifies it again when it loads the bundle.
    """

    registry_id: str
    version_id: str
    install_id: str
    content_hash: str
    name: str
    display_name: str
    publisher: str
    version: str
    granted: list[str]
    egress: list[str]
    verdict: SignatureStatus | None
    replaced: str | None = None


class Upgraded(Struct, frozen=True, kw_only=True):
    """What an install is now. `from_version` is what it was; both are equal when there was nothing to do.

    `granted` and `egress` are what it may do now; `disabled_schedules` call endpoints that the version does not have.
    """

    install_id: str
    registry_id: str
    from_version: str
    version: str
    granted: list[str]
    egress: list[str]
    disabled_schedules: list[MissingSchedule]


class Uninstalled(Struct, frozen=True, kw_only=True):
    """What was removed. `bundle_deleted` is False when no copy of a bundle was the tenant's alone.

    `storage_until` is when the data that the extension stored is removed.
    """

    registry_id: str
    install_id: str
    name: str
    publisher: str
    version: str
    bundle_deleted: bool
    storage_until: datetime
