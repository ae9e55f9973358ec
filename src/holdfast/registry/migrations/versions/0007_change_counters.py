"""The change feed: triggers report that something which decides calls has changed, also when somebody types SQL.

SQLite counts changes by scope in a table, Postgres sends a notification. A scope is the id of a tenant, '' for what can concern every
tenant, and on SQLite '*', in which every change counts.

A migration stands on its own: it names its types and tables here and never imports the models, which change later. A migration that makes
one of these tables again on SQLite (Alembic's batch mode does) drops its triggers, and must create them again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# The column that names the tenant; None for tables whose rows any tenant may use.
TABLES = {
    "tenants": "tenant",
    "users": "tenant",
    "roles": "tenant",
    "permissions": "tenant",
    "role_permissions": "tenant",
    "user_roles": "tenant",
    "sessions": "tenant",
    "api_keys": "tenant",
    "contacts": "tenant",
    "tenant_extension_install": "tenant_id",
    "tenant_extension_install_config": "tenant_id",
    "tenant_extension_install_secrets": "tenant_id",
    "extension_registry": None,
    "extension_version": None,
    "extension_bundle": None,
}

# Logins and new keys are frequent and decide nothing: no gateway remembers what did not exist. Only a row that replaces another counts.
KEYS = {"sessions": ("token_hash",), "api_keys": ("api_key_id", "key_hash")}

_ROWS = {"insert": ("NEW",), "update": ("OLD", "NEW"), "delete": ("OLD",)}


def upgrade() -> None:
    # On Postgres too, where it stays empty: the tables of both are the same.
    op.create_table(
        "change_counters",
        sa.Column("scope", sa.String(255), nullable=False),
        sa.Column("counter", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("scope"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("INSERT INTO change_counters (scope, counter) VALUES ('', 1), ('*', 1)")
        for table, column in TABLES.items():
            _count(table, column)
    else:
        op.execute(_NOTIFY)
        for table, column in TABLES.items():
            _notify(table, column)


# Statements without a conflict: in a trigger, the conflict clause of the outer statement, such as INSERT OR REPLACE, replaces ours. A
# counter begins at random, so that a row that somebody deletes by hand does not repeat what gateways have seen.
_FIRST = (
    "INSERT INTO change_counters (scope, counter) SELECT :scope, abs(random()) & 1099511627775 "
    "WHERE NOT EXISTS (SELECT 1 FROM change_counters WHERE scope = :scope); "
)
_COUNT = "UPDATE change_counters SET counter = counter + 1 WHERE scope IN (:scopes, '*'); "


_REPLACES = "BEFORE INSERT ON :table WHEN EXISTS (SELECT 1 FROM :table WHERE :same)"


def _count(table: str, column: str | None) -> None:
    for event, rows in _ROWS.items():
        scopes = [f"{row}.{column}" for row in rows] if column is not None else ["''"]
        when = f"AFTER {event.upper()} ON {table}"
        if event == "insert" and table in KEYS:
            same = " OR ".join(f"{key} = NEW.{key}" for key in KEYS[table])
            when = _REPLACES.replace(":table", table).replace(":same", same)
            # The other row may be any tenant's: REPLACE deletes it without a trigger.
            scopes = ["''"]
        body = "".join(_FIRST.replace(":scope", scope) for scope in scopes) + _COUNT.replace(":scopes", ", ".join(scopes))
        op.execute(f"CREATE TRIGGER {table}_{event}_counts {when} BEGIN {body}END")


# For each statement and not for each row: a bulk change sends one notification for each tenant, or a single one above a hundred.
_NOTIFY = """
CREATE FUNCTION holdfast_notify_change() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    scopes text[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        scopes = ARRAY[''];
    ELSIF TG_NARGS = 0 THEN
        SELECT array_agg(CAST('' AS text)) INTO scopes FROM (SELECT FROM changed LIMIT 1) AS any_row;
    ELSE
        EXECUTE format(
            'SELECT array_agg(scope) FROM (SELECT DISTINCT coalesce(CAST(%I AS text), '''') AS scope FROM changed LIMIT 101) AS found',
            TG_ARGV[0]
        ) INTO scopes;
    END IF;
    IF cardinality(scopes) > 100 THEN
        scopes = ARRAY[''];
    END IF;
    PERFORM pg_notify('holdfast_changes', scope) FROM unnest(scopes) AS scope;
    RETURN NULL;
END
$body$
"""


def _notify(table: str, column: str | None) -> None:
    call = f"EXECUTE FUNCTION holdfast_notify_change({'' if column is None else repr(column)})"
    # An update is about the tenant of the row before and the one after; the same notification twice in a transaction is sent once.
    for name, event, rows in (
        # On Postgres an insert never replaces a row: ON CONFLICT DO UPDATE is an update.
        *((("insert", "INSERT", "NEW"),) if table not in KEYS else ()),
        ("update_from", "UPDATE", "OLD"),
        ("update_to", "UPDATE", "NEW"),
        ("delete", "DELETE", "OLD"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_{name}_notifies AFTER {event} ON {table} REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT {call}"
        )
    op.execute(f"CREATE TRIGGER {table}_truncate_notifies AFTER TRUNCATE ON {table} FOR EACH STATEMENT {call}")
