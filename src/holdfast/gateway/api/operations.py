"""The table of the REST API's operations."""

from __future__ import annotations

from holdfast.contract import registry_api as r
from holdfast.contract.extension_events import EventDetails, EventInfo, EventPage
from holdfast.contract.record_tables import ImportResult, RecordImport, RecordRows
from holdfast.gateway.api import (
    config,
    events,
    grants,
    installs,
    publications,
    quotas,
    records,
    secrets,
    versions,
)
from holdfast.gateway.api import request_bodies as bodies
from holdfast.gateway.api.account_operations import OPERATIONS as ACCOUNT_OPERATIONS
from holdfast.gateway.api.operation_kinds import (
    EXTENSION_PATH,
    EXTENSIONS_PATH,
    OF_EXTENSION,
    WITH_SEALER,
    WITH_STORE,
    WRITE,
    change_operation,
    read_operation,
)
from holdfast.gateway.api.schedules.operations import OPERATIONS as SCHEDULE_OPERATIONS
from holdfast.gateway.api.schemas import (
    AFTER,
    CONFIG,
    EVENT_ID,
    EXTENSION,
    LIMIT,
    NAMESPACE,
    SECRET_NAME,
    VERSION,
    flag,
    list_of,
    object_with,
)
from holdfast.gateway.api.storage import handlers as storage_schemas
from holdfast.gateway.services import Services
from holdfast.http.operations import Body, Operation, Parameter
from holdfast.registry.models.events import EVENT_STATUSES

_INSTALLS = (
    read_operation(EXTENSIONS_PATH, installs.show_installs, "List the installs.", list_of("extensions", r.InstallSummaryResult)),
    read_operation(
        "/api/v1/quotas", quotas.show_quotas, "Show what the installs have used today.", list_of("quotas", r.InstallQuotasResult)
    ),
    read_operation(
        f"{EXTENSION_PATH}/quotas",
        quotas.show_quotas_of_install,
        "Show what an install has used today.",
        list_of("quotas", r.InstallQuotasResult),
        EXTENSION,
        errors=OF_EXTENSION,
    ),
    change_operation(
        "PATCH",
        f"{EXTENSION_PATH}/quotas",
        quotas.set_quotas_of_install,
        "Give an install quotas of its own, below those of the server.",
        list_of("quotas", r.InstallQuotasResult),
        EXTENSION,
        body=Body(bodies.SetQuotasRequest),
        errors=OF_EXTENSION,
    ),
    change_operation(
        "POST",
        EXTENSIONS_PATH,
        installs.install,
        "Install a published version.",
        r.InstalledResult,
        body=Body(bodies.InstallRequest),
        status=201,
        errors=WITH_STORE,
    ),
    read_operation(EXTENSION_PATH, installs.show_install, "Show an install.", r.InstallDetailsResult, EXTENSION, errors=OF_EXTENSION),
    change_operation(
        "DELETE", EXTENSION_PATH, installs.remove_install, "Uninstall.", r.UninstalledResult, EXTENSION, errors=(404, 409, 503)
    ),
    change_operation(
        "POST",
        f"{EXTENSION_PATH}/upgrade",
        installs.upgrade,
        "Upgrade to another version.",
        r.UpgradedResult,
        EXTENSION,
        body=Body(bodies.UpgradeRequest, required=False),
        errors=WITH_STORE,
    ),
    change_operation(
        "POST",
        f"{EXTENSION_PATH}/rollback",
        installs.rollback,
        "Roll back to the previous version.",
        r.UpgradedResult,
        EXTENSION,
        body=Body(bodies.RollbackRequest, required=False),
        errors=WITH_STORE,
    ),
    change_operation(
        "POST", f"{EXTENSION_PATH}/enable", installs.enable, "Enable an install.", flag("enabled"), EXTENSION, errors=OF_EXTENSION
    ),
    change_operation(
        "POST", f"{EXTENSION_PATH}/disable", installs.disable, "Disable an install.", flag("enabled"), EXTENSION, errors=OF_EXTENSION
    ),
)

_PUBLISHED = (
    read_operation(
        f"{EXTENSION_PATH}/versions",
        versions.show_versions,
        "List the published versions, newest first.",
        list_of("versions", r.VersionResult),
        EXTENSION,
        errors=OF_EXTENSION,
    ),
    change_operation(
        "POST",
        f"{EXTENSION_PATH}/versions/{{version}}/yank",
        versions.yank_version,
        "Yank a version: it is not installed any more; existing installs are unaffected.",
        flag("yanked"),
        EXTENSION,
        VERSION,
        body=Body(bodies.YankRequest, required=False),
        errors=OF_EXTENSION,
    ),
    change_operation(
        "DELETE",
        f"{EXTENSION_PATH}/versions/{{version}}/yank",
        versions.unyank_version,
        "Undo a yank.",
        flag("yanked"),
        EXTENSION,
        VERSION,
        errors=OF_EXTENSION,
    ),
    read_operation(
        "/api/v1/publications/{extension}/{version}",
        publications.show_publication,
        "Show what a version requests; `latest` is the newest.",
        r.PublicationResult,
        EXTENSION,
        VERSION,
        errors=OF_EXTENSION,
    ),
)

_GRANTS = (
    read_operation(
        f"{EXTENSION_PATH}/grants",
        grants.show_grants,
        "Show what is requested and granted.",
        r.GrantsResult,
        EXTENSION,
        errors=OF_EXTENSION,
    ),
    *(
        change_operation(
            method,
            f"{EXTENSION_PATH}/grants",
            grants.change_grants,
            summary,
            r.GrantsResult,
            EXTENSION,
            body=Body(bodies.GrantsRequest, required=False),
            errors=OF_EXTENSION,
        )
        for method, summary in (("POST", "Grant capabilities and hosts."), ("DELETE", "Revoke capabilities and hosts."))
    ),
)

_CONFIG = (
    read_operation(f"{EXTENSION_PATH}/config", config.show_config, "Show the settings.", CONFIG, EXTENSION, errors=OF_EXTENSION),
    change_operation(
        "PUT",
        f"{EXTENSION_PATH}/config",
        config.replace_all_config,
        "Replace all settings.",
        CONFIG,
        EXTENSION,
        body=Body(bodies.ReplaceConfigRequest),
        errors=OF_EXTENSION,
    ),
    change_operation(
        "PATCH",
        f"{EXTENSION_PATH}/config",
        config.change_config,
        "Change single settings.",
        CONFIG,
        EXTENSION,
        body=Body(bodies.PatchConfigRequest, required=False),
        errors=OF_EXTENSION,
    ),
)

_SECRETS = (
    read_operation(
        f"{EXTENSION_PATH}/secrets",
        secrets.show_secrets,
        "List the names of the secrets. You need `extension:write`.",
        r.SecretsResult,
        EXTENSION,
        # Names of secrets can reveal something, so a caller who may only read does not see them.
        permission=WRITE,
        errors=WITH_SEALER,
    ),
    change_operation(
        "PUT",
        f"{EXTENSION_PATH}/secrets",
        secrets.put_secrets,
        "Set secrets.",
        r.SecretsResult,
        EXTENSION,
        body=Body(bodies.SetSecretsRequest),
        errors=WITH_SEALER,
    ),
    change_operation(
        "DELETE",
        f"{EXTENSION_PATH}/secrets",
        secrets.delete_all_secrets,
        "Remove all secrets.",
        r.SecretsResult,
        EXTENSION,
        errors=WITH_SEALER,
    ),
    change_operation(
        "DELETE",
        f"{EXTENSION_PATH}/secrets/{{key}}",
        secrets.delete_secret,
        "Remove a secret.",
        r.SecretsResult,
        EXTENSION,
        SECRET_NAME,
        errors=WITH_SEALER,
    ),
)

_EVENTS = (
    read_operation(
        "/api/v1/events",
        events.show_events,
        "List the events of the installs, newest first, without their data.",
        EventPage,
        Parameter("extension", "query", {"type": "string"}, "Only events of this extension: its id or name.", required=False),
        Parameter("status", "query", {"type": "string", "enum": list(EVENT_STATUSES)}, "Only events in this status.", required=False),
        Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 200}, "Events of a page; 25 by default.", required=False),
        Parameter("cursor", "query", {"type": "string", "pattern": "^[0-9]{1,19}$"}, "`nextCursor` of the page before.", required=False),
        errors=OF_EXTENSION,
    ),
    read_operation(
        "/api/v1/events/{event_id}",
        events.show_event,
        "Show an event with its data. You need `extension:write`.",
        EventDetails,
        EVENT_ID,
        # Its data are records that a caller who may only read extensions may not be allowed to see.
        permission=WRITE,
        errors=(404,),
    ),
    change_operation(
        "POST",
        "/api/v1/events/{event_id}/retry",
        events.retry,
        "Deliver a dead letter again, out of order.",
        object_with("event", EventInfo),
        EVENT_ID,
        errors=OF_EXTENSION,
    ),
    change_operation(
        "POST",
        "/api/v1/events/{event_id}/drop",
        events.drop,
        "Give up an event that waits, or a dead letter.",
        object_with("event", EventInfo),
        EVENT_ID,
        errors=OF_EXTENSION,
    ),
)

_RECORDS = (
    *(
        read_operation(
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
        change_operation(
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
    read_operation(
        f"{EXTENSION_PATH}/storage-schemas",
        storage_schemas.show_schemas,
        "List the schemas of an install's namespaces.",
        list_of("schemas", r.NamespaceSchemaResult),
        EXTENSION,
        NAMESPACE,
        errors=OF_EXTENSION,
    ),
    change_operation(
        "PUT",
        f"{EXTENSION_PATH}/storage-schemas",
        storage_schemas.register_schema,
        "Register a schema for a namespace, and activate it.",
        object_with("schema", r.NamespaceSchemaResult),
        EXTENSION,
        body=Body(bodies.RegisterSchemaRequest),
        errors=(*OF_EXTENSION, 429),
    ),
    change_operation(
        "PATCH",
        f"{EXTENSION_PATH}/storage-schemas",
        storage_schemas.set_schema_status,
        "Activate or deprecate a schema.",
        object_with("schema", r.NamespaceSchemaResult),
        EXTENSION,
        body=Body(bodies.SetSchemaStatusRequest),
        errors=OF_EXTENSION,
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
    *ACCOUNT_OPERATIONS,
    *_RECORDS,
    *SCHEDULE_OPERATIONS,
)
