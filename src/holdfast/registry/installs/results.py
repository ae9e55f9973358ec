"""What the operations on installs return: plain data, which commands on a server import without the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from holdfast.bundles.signing.status import SignatureStatus


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


class MissingSchedule(Struct, frozen=True, kw_only=True):
    """A schedule whose endpoint another version does not have. Both texts are empty when its endpoint does not exist any more."""

    schedule_id: str
    method: str
    path: str


class ScheduleSummary(Struct, frozen=True, kw_only=True):
    """One schedule. `method` and `path` are None when the version has no such endpoint any more."""

    schedule_id: str
    name: str | None
    cron: str
    timezone: str
    enabled: bool
    method: str | None
    path: str | None


class PendingUpgrade(Struct, frozen=True, kw_only=True):
    """An upgrade that waits for consent, and what it requests beyond the grants."""

    version: str
    capabilities: list[str]
    egress: list[str]


class InstallDetails(Struct, frozen=True, kw_only=True):
    """One install. `content_hash` is `sha256:` and 64 hexadecimal digits. `previous_version` is where a rollback leads.

    `signing_key_id` is the key that signed the bundle, trusted or not. `config_keys` are the names of settings, without values.

    `unset_settings` are those that the version requires and that have no value. `required_secrets` are required, set or not.
    """

    registry_id: str
    version_id: str
    install_id: str
    name: str
    display_name: str
    description: str
    publisher: str
    version: str
    content_hash: str | None
    size_bytes: int | None
    signing_key_id: str | None
    is_enabled: bool
    previous_version: str | None
    pending: PendingUpgrade | None
    asked: list[str]
    granted: list[str]
    asked_egress: list[str]
    granted_egress: list[str]
    config_keys: list[str]
    schedules: list[ScheduleSummary]
    storage_records: int
    storage_bytes: int
    installed_at: datetime
    updated_at: datetime
    unset_settings: list[str]
    required_secrets: list[str]


class Grants(Struct, frozen=True, kw_only=True):
    """What the installed version requests (`asked`) and what is granted, each sorted. `pending` is an upgrade that waits for consent, as
    `{version_id, version, capabilities, egress}`, the last two being what it requests beyond that."""

    asked: list[str]
    granted: list[str]
    asked_egress: list[str]
    granted_egress: list[str]
    pending: dict[str, Any] | None


class InstallSummary(Struct, frozen=True, kw_only=True):
    """One line of a list of installs. `signing_key_id` is the id in the bundle's signature, which is not verified here."""

    registry_id: str
    version_id: str
    install_id: str
    name: str
    display_name: str
    description: str
    publisher: str
    version: str
    content_hash: str | None
    signing_key_id: str | None
    is_enabled: bool
    granted: list[str]
    egress: list[str]
    app_menu_label: str | None
    client_portal_menu_label: str | None
    updated_at: datetime
