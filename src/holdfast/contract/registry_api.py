"""What the REST API returns, in its spelling (camelCase, by the serializer).

The registry's own types are not sent: a new field of theirs stays internal until it is added here too. A test compares both.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

R = TypeVar("R")


class InstallSummaryResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """An install in a list. `signingKeyId` is the id of the key that signed the bundle; it does not say whether the key is trusted."""

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


class ScheduleResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule. `method` and `path` are null when the version no longer has the endpoint."""

    schedule_id: str
    name: str | None
    cron: str
    timezone: str
    enabled: bool
    method: str | None
    path: str | None


class PendingUpgradeResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """An upgrade that waits for consent, and what it requests beyond what is granted."""

    version: str
    capabilities: list[str]
    egress: list[str]


class InstallDetailsResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """An install. `contentHash` is `sha256:` and 64 hexadecimal digits. `previousVersion` is what a rollback installs.

    `signingKeyId` is the key that signed the bundle; it does not say whether the key is trusted. Settings are listed by name only.
    `unsetSettings` are required and have no value; `requiredSecrets` are required, set or not.
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
    pending: PendingUpgradeResult | None
    asked: list[str]
    granted: list[str]
    asked_egress: list[str]
    granted_egress: list[str]
    config_keys: list[str]
    schedules: list[ScheduleResult]
    storage_records: int
    storage_bytes: int
    installed_at: datetime
    updated_at: datetime
    unset_settings: list[str]
    required_secrets: list[str]


class SignatureResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """The result of verifying a bundle's signature. Production runs only `signed` bundles; `reason` and `message` say why not.

    `keyName` and `expiresAt` describe a trusted key; `trustedComment` is what its holder wrote into the signature.
    """

    state: Literal["signed", "unsigned", "untrusted"]
    reason: str | None
    message: str | None
    key_id: str | None
    key_name: str | None
    expires_at: datetime | None
    trusted_comment: str | None


class InstalledResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was installed. `contentHash` is `sha256:` and 64 hexadecimal digits. `replaced` is the version that was installed before.

    `verdict` is the result of verifying the signature; the runner verifies it again when it loads the bundle.
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
    verdict: SignatureResult | None
    replaced: str | None


class UninstalledResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was removed. `bundleDeleted` is false when the tenant had no bundle copy of its own.

    `storageUntil` is when the data that the extension stored is deleted.
    """

    registry_id: str
    install_id: str
    name: str
    publisher: str
    version: str
    bundle_deleted: bool
    storage_until: datetime


class MissingScheduleResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule whose endpoint the version lacks. `method` and `path` are empty when its endpoint is unknown."""

    schedule_id: str
    method: str
    path: str


class UpgradedResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """The install after an upgrade or rollback from `fromVersion` (equal to `version` if nothing changed).

    `granted` and `egress` are its rights now; `disabledSchedules` call endpoints that the version lacks.
    """

    install_id: str
    registry_id: str
    from_version: str
    version: str
    granted: list[str]
    egress: list[str]
    disabled_schedules: list[MissingScheduleResult]


class GrantsResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the installed version requests and what is granted, each sorted. `pending` is an upgrade that waits for consent, as
    `{version_id, version, capabilities, egress}`; the last two are what it requests beyond what is granted."""

    asked: list[str]
    granted: list[str]
    asked_egress: list[str]
    granted_egress: list[str]
    pending: dict[str, Any] | None


class SecretsResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """The names of the secrets, sorted. `version` changes with every write; it is null when there are no secrets.

    `keyId` is the id of the key that encrypts them, or the name of Vault's key. From `expiresAt` on, the extension gets no secrets.
    """

    keys: list[str]
    version: str | None
    algorithm: str | None
    key_id: str | None
    expires_at: datetime | None


class VersionResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A version in a list. `contentHash` (`sha256:…`), `sizeBytes` and `signingKeyId` describe the active bundle.

    `installed` is true for the version that the tenant has, `private` for one that only the tenant can see. `signingKeyId` does not say
    whether the key is trusted.
    """

    version_id: str
    version: str
    published_at: datetime
    content_hash: str | None
    size_bytes: int | None
    installed: bool
    private: bool
    yanked: bool
    yanked_reason: str | None
    capabilities: list[str]
    egress: list[str]
    signing_key_id: str | None


class PublicationResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A published version. `contentHash` (`sha256:…`), `sizeBytes` and `signingKeyId` describe the active bundle; the id does not say
    whether the key is trusted. `settings` are those of its manifest, a JSON Schema or a list."""

    registry_id: str
    version_id: str
    publisher: str
    name: str
    display_name: str
    description: str
    version: str
    content_hash: str | None
    size_bytes: int | None
    signing_key_id: str | None
    capabilities: list[str]
    egress: list[str]
    settings: Any


class PublishedResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was published. `version` is the one that `X.Y.*` resolved to; `contentHash` is `sha256:` and 64 hexadecimal digits.

    `key` is the archive's key in the bundle store, from which each installing tenant gets its copy.
    """

    registry_id: str
    version_id: str
    publisher: str
    name: str
    display_name: str
    version: str
    content_hash: str
    size_bytes: int
    capabilities: list[str]
    egress: list[str]
    key: str
    verdict: SignatureResult


class TenantResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A tenant and the number of its users."""

    tenant_id: str
    name: str
    created_at: datetime
    users: int


class UserResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A user. `userType` is `internal` or `client`; `clientName` is the client of a client user."""

    user_id: str
    email: str
    username: str
    first_name: str | None
    last_name: str | None
    user_type: str
    client_name: str | None
    is_admin: bool
    is_inactive: bool
    created_at: datetime


class ApiKeyResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """An API key without the key itself: `prefix` is its beginning. It acts as the user, within `scopes` (`*` is everything)."""

    api_key_id: str
    prefix: str
    user_id: str
    email: str
    description: str | None
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked: bool


class QuotaUseResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """One quota: `calls`, `cpu_ms`, `fuel` or `egress_bytes` of a day, or `storage_bytes`. Without a quota, `limit` is null. `state` is
    `warning` from 80 % on, and `exceeded` when the quota is used up. `isOwn` is true when the install has this limit of its own."""

    quota: str
    used: int
    limit: int | None
    state: Literal["ok", "warning", "exceeded"]
    is_own: bool


class InstallQuotasResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an install has used today. All but the storage begins again at `resetsAt`, the end of the day in UTC."""

    registry_id: str
    install_id: str
    publisher: str
    name: str
    day: datetime
    resets_at: datetime
    quotas: list[QuotaUseResult]


class NamespaceSchemaResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """One version of the schema of a namespace. Of those of a namespace at most one is `active`."""

    namespace: str
    schema_version: int
    status: Literal["active", "deprecated", "draft"]
    schema: dict[str, Any]
    created_at: datetime
    updated_at: datetime


def to_result(value: object, result: type[R]) -> R:
    """A value of the registry, or a list of them, as the type that the API sends. Raises ValidationError when they do not match."""
    return msgspec.convert(value, result, from_attributes=True)
