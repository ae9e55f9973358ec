"""The table of the REST API's operations."""

from __future__ import annotations

from holdfast.contract import registry_api as r
from holdfast.contract.extension_events import EventDetails, EventInfo, EventPage
from holdfast.contract.record_tables import ImportResult, RecordImport, RecordRows
from holdfast.gateway.api import (
    api_keys,
    config,
    events,
    grants,
    installs,
    publications,
    quotas,
    records,
    secrets,
    users,
    versions,
)
from holdfast.gateway.api import request_bodies as bodies
from holdfast.gateway.api.schemas import (
    AFFECTED_USER,
    AFTER,
    API_KEY_ID,
    CONFIG,
    EVENT_ID,
    EXTENSION,
    LIMIT,
    NAMESPACE,
    SECRET_NAME,
    USER,
    VERSION,
    flag,
    list_of,
    object_with,
)
from holdfast.gateway.api.storage import handlers as storage_schemas
from holdfast.gateway.auth.permissions import CALLER_CREDENTIALS, CallerHandler, with_permission
from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.services import Services
from holdfast.http.operations import Body, Operation, Parameter, Result, Schema
from holdfast.registry.models.events import EVENT_STATUSES

READ, WRITE = "extension:read", "extension:write"
READ_USERS, WRITE_USERS = "user:read", "user:write"

_EXTENSIONS = "/api/v1/extensions"
_EXTENSION = "/api/v1/extensions/{extension}"
# Errors of operations on one extension: it is not there, or its name is ambiguous.
_OF_EXTENSION = (404, 409)
# Errors of operations that use the bundle store too.
_WITH_STORE = (404, 409, 502, 503)
_WITH_SEALER = (404, 409, 503)


def _read(
    path: str,
    handler: CallerHandler,
    summary: str,
    schema: Schema,
    *parameters: Parameter,
    permission: str = READ,
    errors: tuple[int, ...] = (),
) -> Operation[Services]:
    return Operation(
        method="GET",
        path=path,
        handler=with_permission(permission, handler),
        errors=STANDARD_ERRORS,
        summary=summary,
        security=CALLER_CREDENTIALS,
        permission=permission,
        parameters=parameters,
        results={200: Result("The current state.", schema)},
        error_statuses=(400, 401, 403, *errors),
    )


def _change(
    method: str,
    path: str,
    handler: CallerHandler,
    summary: str,
    schema: Schema,
    *parameters: Parameter,
    body: Body | None = None,
    permission: str = WRITE,
    status: int = 200,
    errors: tuple[int, ...] = (),
) -> Operation[Services]:
    of_body = () if body is None else (408, 413)
    return Operation(
        method=method,
        path=path,
        handler=with_permission(permission, handler),
        errors=STANDARD_ERRORS,
        summary=summary,
        security=CALLER_CREDENTIALS,
        permission=permission,
        parameters=parameters,
        body=body,
        results={status: Result("The change is made.", schema)},
        error_statuses=(400, 401, 403, *of_body, *errors),
    )


_INSTALLS = (
    _read(_EXTENSIONS, installs.show_installs, "List the installs.", list_of("extensions", r.InstallSummaryResult)),
    _read("/api/v1/quotas", quotas.show_quotas, "Show what the installs have used today.", list_of("quotas", r.InstallQuotasResult)),
    _read(
        f"{_EXTENSION}/quotas",
        quotas.show_quotas_of_install,
        "Show what an install has used today.",
        list_of("quotas", r.InstallQuotasResult),
        EXTENSION,
        errors=_OF_EXTENSION,
    ),
    _change(
        "PATCH",
        f"{_EXTENSION}/quotas",
        quotas.set_quotas_of_install,
        "Give an install quotas of its own, below those of the server.",
        list_of("quotas", r.InstallQuotasResult),
        EXTENSION,
        body=Body(bodies.SetQuotasRequest),
        errors=_OF_EXTENSION,
    ),
    _change(
        "POST",
        _EXTENSIONS,
        installs.install,
        "Install a published version.",
        r.InstalledResult,
        body=Body(bodies.InstallRequest),
        status=201,
        errors=_WITH_STORE,
    ),
    _read(_EXTENSION, installs.show_install, "Show an install.", r.InstallDetailsResult, EXTENSION, errors=_OF_EXTENSION),
    _change("DELETE", _EXTENSION, installs.remove_install, "Uninstall.", r.UninstalledResult, EXTENSION, errors=(404, 409, 503)),
    _change(
        "POST",
        f"{_EXTENSION}/upgrade",
        installs.upgrade,
        "Upgrade to another version.",
        r.UpgradedResult,
        EXTENSION,
        body=Body(bodies.UpgradeRequest, required=False),
        errors=_WITH_STORE,
    ),
    _change(
        "POST",
        f"{_EXTENSION}/rollback",
        installs.rollback,
        "Roll back to the previous version.",
        r.UpgradedResult,
        EXTENSION,
        body=Body(bodies.RollbackRequest, required=False),
        errors=_WITH_STORE,
    ),
    _change("POST", f"{_EXTENSION}/enable", installs.enable, "Enable an install.", flag("enabled"), EXTENSION, errors=_OF_EXTENSION),
    _change("POST", f"{_EXTENSION}/disable", installs.disable, "Disable an install.", flag("enabled"), EXTENSION, errors=_OF_EXTENSION),
)

_PUBLISHED = (
    _read(
        f"{_EXTENSION}/versions",
        versions.show_versions,
        "List the published versions, newest first.",
        list_of("versions", r.VersionResult),
        EXTENSION,
        errors=_OF_EXTENSION,
    ),
    _change(
        "POST",
        f"{_EXTENSION}/versions/{{version}}/yank",
        versions.yank_version,
        "Yank a version: it is not installed any more; existing installs are unaffected.",
        flag("yanked"),
        EXTENSION,
        VERSION,
        body=Body(bodies.YankRequest, required=False),
        errors=_OF_EXTENSION,
    ),
    _change(
        "DELETE",
        f"{_EXTENSION}/versions/{{version}}/yank",
        versions.unyank_version,
        "Undo a yank.",
        flag("yanked"),
        EXTENSION,
        VERSION,
        errors=_OF_EXTENSION,
    ),
    _read(
        "/api/v1/publications/{extension}/{version}",
        publications.show_publication,
        "Show what a version requests; `latest` is the newest.",
        r.PublicationResult,
        EXTENSION,
        VERSION,
        errors=_OF_EXTENSION,
    ),
)

_GRANTS = (
    _read(
        f"{_EXTENSION}/grants", grants.show_grants, "Show what is requested and granted.", r.GrantsResult, EXTENSION, errors=_OF_EXTENSION
    ),
    *(
        _change(
            method,
            f"{_EXTENSION}/grants",
            grants.change_grants,
            summary,
            r.GrantsResult,
            EXTENSION,
            body=Body(bodies.GrantsRequest, required=False),
            errors=_OF_EXTENSION,
        )
        for method, summary in (("POST", "Grant capabilities and hosts."), ("DELETE", "Revoke capabilities and hosts."))
    ),
)

_CONFIG = (
    _read(f"{_EXTENSION}/config", config.show_config, "Show the settings.", CONFIG, EXTENSION, errors=_OF_EXTENSION),
    _change(
        "PUT",
        f"{_EXTENSION}/config",
        config.replace_all_config,
        "Replace all settings.",
        CONFIG,
        EXTENSION,
        body=Body(bodies.ReplaceConfigRequest),
        errors=_OF_EXTENSION,
    ),
    _change(
        "PATCH",
        f"{_EXTENSION}/config",
        config.change_config,
        "Change single settings.",
        CONFIG,
        EXTENSION,
        body=Body(bodies.PatchConfigRequest, required=False),
        errors=_OF_EXTENSION,
    ),
)

_SECRETS = (
    _read(
        f"{_EXTENSION}/secrets",
        secrets.show_secrets,
        "List the names of the secrets. You need `extension:write`.",
        r.SecretsResult,
        EXTENSION,
        # Names of secrets can reveal something, so a caller who may only read does not see them.
        permission=WRITE,
        errors=_WITH_SEALER,
    ),
    _change(
        "PUT",
        f"{_EXTENSION}/secrets",
        secrets.put_secrets,
        "Set secrets.",
        r.SecretsResult,
        EXTENSION,
        body=Body(bodies.SetSecretsRequest),
        errors=_WITH_SEALER,
    ),
    _change(
        "DELETE",
        f"{_EXTENSION}/secrets",
        secrets.delete_all_secrets,
        "Remove all secrets.",
        r.SecretsResult,
        EXTENSION,
        errors=_WITH_SEALER,
    ),
    _change(
        "DELETE",
        f"{_EXTENSION}/secrets/{{key}}",
        secrets.delete_secret,
        "Remove a secret.",
        r.SecretsResult,
        EXTENSION,
        SECRET_NAME,
        errors=_WITH_SEALER,
    ),
)

_EVENTS = (
    _read(
        "/api/v1/events",
        events.show_events,
        "List the events of the installs, newest first, without their data.",
        EventPage,
        Parameter("extension", "query", {"type": "string"}, "Only events of this extension: its id or name.", required=False),
        Parameter("status", "query", {"type": "string", "enum": list(EVENT_STATUSES)}, "Only events in this status.", required=False),
        Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 200}, "Events of a page; 25 by default.", required=False),
        Parameter("cursor", "query", {"type": "string", "pattern": "^[0-9]{1,19}$"}, "`nextCursor` of the page before.", required=False),
        errors=_OF_EXTENSION,
    ),
    _read(
        "/api/v1/events/{event_id}",
        events.show_event,
        "Show an event with its data. You need `extension:write`.",
        EventDetails,
        EVENT_ID,
        # Its data are records that a caller who may only read extensions may not be allowed to see.
        permission=WRITE,
        errors=(404,),
    ),
    _change(
        "POST",
        "/api/v1/events/{event_id}/retry",
        events.retry,
        "Deliver a dead letter again, out of order.",
        object_with("event", EventInfo),
        EVENT_ID,
        errors=_OF_EXTENSION,
    ),
    _change(
        "POST",
        "/api/v1/events/{event_id}/drop",
        events.drop,
        "Give up an event that waits, or a dead letter.",
        object_with("event", EventInfo),
        EVENT_ID,
        errors=_OF_EXTENSION,
    ),
)

_USERS = (
    _read("/api/v1/tenants", users.show_tenants, "Show the caller's tenant.", list_of("tenants", r.TenantResult), permission=READ_USERS),
    _read("/api/v1/users", users.show_users, "List the users of the tenant.", list_of("users", r.UserResult), permission=READ_USERS),
    _change(
        "POST",
        "/api/v1/users",
        users.add_user,
        "Create a user.",
        object_with("user", r.UserResult, shown_once="password"),
        body=Body(bodies.CreateUserRequest),
        permission=WRITE_USERS,
        status=201,
        errors=(404, 409),
    ),
    _change(
        "PATCH",
        "/api/v1/users/{user}",
        users.change_user,
        "Deactivate or reactivate a user, or set another password.",
        AFFECTED_USER,
        USER,
        body=Body(bodies.ChangeUserRequest),
        permission=WRITE_USERS,
        errors=(404,),
    ),
    _change(
        "DELETE",
        "/api/v1/users/{user}/sessions",
        users.end_sessions,
        "End all sessions of a user.",
        AFFECTED_USER,
        USER,
        permission=WRITE_USERS,
        errors=(404,),
    ),
)

_API_KEYS = (
    _read(
        "/api/v1/api-keys",
        api_keys.show_api_keys,
        "List the API keys of the tenant.",
        list_of("apiKeys", r.ApiKeyResult),
        permission=READ_USERS,
    ),
    _change(
        "POST",
        "/api/v1/api-keys",
        api_keys.add_api_key,
        "Create an API key.",
        object_with("apiKey", r.ApiKeyResult, shown_once="key"),
        body=Body(bodies.CreateApiKeyRequest),
        permission=WRITE_USERS,
        status=201,
        errors=(404,),
    ),
    _change(
        "DELETE",
        "/api/v1/api-keys/{key_id}",
        api_keys.delete_api_key,
        "Revoke an API key.",
        object_with("apiKey", r.ApiKeyResult),
        API_KEY_ID,
        permission=WRITE_USERS,
        errors=(404,),
    ),
)

_RECORDS = (
    *(
        _read(
            f"/api/v1/records/{kind}",
            records.show_records(kind),
            f"List the {kind} of the tenant, by their ids.",
            RecordRows,
            AFTER,
            LIMIT,
            permission=permission,
        )
        for kind, permission in records.READ_PERMISSIONS.items()
    ),
    *(
        _change(
            "POST",
            f"/api/v1/records/{kind}/import",
            records.take_records(kind),
            f"Create and change {kind} of the tenant: all rows of the table, or none.",
            ImportResult,
            body=Body(RecordImport),
            permission=permission,
        )
        for kind, permission in records.WRITE_PERMISSIONS.items()
    ),
)

_STORAGE_SCHEMAS = (
    _read(
        f"{_EXTENSION}/storage-schemas",
        storage_schemas.show_schemas,
        "List the schemas of an install's namespaces.",
        list_of("schemas", r.NamespaceSchemaResult),
        EXTENSION,
        NAMESPACE,
        errors=_OF_EXTENSION,
    ),
    _change(
        "PUT",
        f"{_EXTENSION}/storage-schemas",
        storage_schemas.register_schema,
        "Register a schema for a namespace, and activate it.",
        object_with("schema", r.NamespaceSchemaResult),
        EXTENSION,
        body=Body(bodies.RegisterSchemaRequest),
        errors=(*_OF_EXTENSION, 429),
    ),
    _change(
        "PATCH",
        f"{_EXTENSION}/storage-schemas",
        storage_schemas.set_schema_status,
        "Activate or deprecate a schema.",
        object_with("schema", r.NamespaceSchemaResult),
        EXTENSION,
        body=Body(bodies.SetSchemaStatusRequest),
        errors=_OF_EXTENSION,
    ),
)

OPERATIONS: tuple[Operation[Services], ...] = (
    *_INSTALLS,
    *_PUBLISHED,
    *_GRANTS,
    *_CONFIG,
    *_SECRETS,
    *_STORAGE_SCHEMAS,
    *_EVENTS,
    *_USERS,
    *_API_KEYS,
    *_RECORDS,
)
