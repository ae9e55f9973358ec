"""The bodies of requests that change something. A field that is not listed is an error, so that a typo is not silently dropped."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, field
from starlette.requests import Request

from holdfast.gateway.http.json_body import read_optional_json

T = TypeVar("T")

BODY_MAX_BYTES = 1024 * 1024

Version = Annotated[str, Meta(min_length=1, max_length=128)]
Extension = Annotated[str, Meta(min_length=1, max_length=512)]
Capabilities = Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=200)]
Egress = Annotated[list[Annotated[str, Meta(min_length=1, max_length=512)]], Meta(max_length=1_000)]
"""Hosts."""
SettingName = Annotated[str, Meta(min_length=1, max_length=255)]
ShortText = Annotated[str, Meta(max_length=255)]
SchemaVersion = Annotated[int, Meta(ge=1, le=2**31 - 1)]
QuotaLimit = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Password = Annotated[str, Meta(max_length=1_024)]


class InstallRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What to install. No version means the newest; no capabilities or egress means all that the version requests."""

    extension: Extension
    version: Version | None = None
    capabilities: Capabilities | None = None
    egress: Egress | None = None


class UpgradeRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The version to upgrade to. No version means the newest. `consent` grants what it requests beyond the installed one."""

    version: Version | None = None
    consent: bool = False
    disable_missing_schedules: bool = False


class RollbackRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Rolls back to the previous version. Schedules whose endpoint that version lacks are disabled if `disable_missing_schedules` is true,
    otherwise they prevent the rollback."""

    disable_missing_schedules: bool = False


class LegacyInstallRequest(Struct, frozen=True, rename="camel"):
    """What the published tools send to install. Everything that the version requests is granted, as the tools expect."""

    registry_id: Extension
    version: Version


class LegacyUpdateRequest(Struct, frozen=True, rename="camel"):
    """What the published tools send to update. `consent` is Holdfast's own field: without it, a version that requests more is rejected."""

    registry_id: Extension
    version: Version
    disable_missing_schedules: bool = False
    consent: bool = False


class LegacyUninstallRequest(Struct, frozen=True, rename="camel"):
    """What the published tools send to uninstall."""

    registry_id: Extension


class YankRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why, for tenants that have the version installed."""

    reason: Annotated[str, Meta(max_length=1_024)] | None = None


class GrantsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Capabilities (`cap:…`) and hosts to grant or revoke."""

    capabilities: Capabilities = []
    egress: Egress = []


class ReplaceConfigRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings; settings that are not listed are removed."""

    config: dict[SettingName, Any]


class PatchConfigRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Single settings to set and to remove; the others stay."""

    set: dict[SettingName, Any] = field(default_factory=dict)
    unset: Annotated[list[SettingName], Meta(max_length=1_000)] = []


class SetQuotasRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits that the install gets of its own, by the names that `quota` has in results: at most those of the server.

    Null removes one, an absent field leaves it unchanged, and 0 means no limit."""

    calls: QuotaLimit | UnsetType | None = UNSET
    cpu_ms: QuotaLimit | UnsetType | None = UNSET
    fuel: QuotaLimit | UnsetType | None = UNSET
    egress_bytes: QuotaLimit | UnsetType | None = UNSET
    storage_bytes: QuotaLimit | UnsetType | None = UNSET


class RegisterSchemaRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A JSON Schema (draft 2020-12, without references) for the values of a namespace. With `activate`, writes have to satisfy it."""

    namespace: str
    schema_version: SchemaVersion
    schema: dict[str, Any]
    activate: bool = False


class SetSchemaStatusRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The version of a schema that becomes the active one of its namespace, or is deprecated."""

    namespace: str
    schema_version: SchemaVersion
    status: Literal["active", "deprecated"]


class CreateScheduleRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A schedule to create. `endpoint` is `/path`, `METHOD /path` or the id of an endpoint; `endpointId` is another name of it.

    `cron` has five numeric fields, `timezone` is a name such as `Europe/Berlin` (UTC unless given), `payload` is a JSON object or array."""

    cron: str
    endpoint: str | None = None
    endpoint_id: str | None = None
    timezone: str | None = None
    enabled: bool = True
    name: str | None = None
    payload: Any = None


class ChangeScheduleRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The fields of a schedule to change; an absent field leaves it unchanged. Null clears `name` and `payload`."""

    endpoint: str | UnsetType = UNSET
    endpoint_id: str | UnsetType = UNSET
    cron: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    payload: Any | UnsetType = UNSET


class SetSecretsRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Secrets to set; the others stay. `expires_at` applies to all secrets: null means never, an absent field leaves it unchanged."""

    values: dict[str, str]
    expires_at: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET

    def __repr__(self) -> str:
        # A log or a traceback must not show a secret.
        return f"SetSecretsRequest({len(self.values)} values)"


class CreateUserRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A user to create. `client_name` is the client of a client user. Without `password` the response has a generated one, once."""

    email: ShortText
    user_type: Literal["internal", "client"] = "internal"
    first_name: ShortText | None = None
    last_name: ShortText | None = None
    client_name: ShortText | None = None
    is_admin: bool = False
    password: Password | None = None

    def __repr__(self) -> str:
        return f"CreateUserRequest({self.email!r})"


class ChangeUserRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What to change about a user: deactivate or reactivate the account, set another password."""

    is_inactive: bool | None = None
    password: Password | None = None

    def __repr__(self) -> str:
        return "ChangeUserRequest(…)"


class CreateApiKeyRequest(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An API key to create. It acts as the caller, within `scopes`: `resource:action`, or `*` for everything that the caller may do."""

    scopes: Annotated[list[ShortText], Meta(max_length=50)]
    description: ShortText | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


async def read_request(request: Request, shape: type[T]) -> T:
    """The body as `shape`; an empty body is an object without fields. Raises what `read_json` raises."""
    return await read_optional_json(request, shape, BODY_MAX_BYTES)
