"""Events: triggers record changes of records and installs for the installs that subscribe to them, in the transaction of the change.

So no change goes without its event and no event without its change, also when somebody types SQL. Nothing is recorded without a
subscriber. An install has at most MAX_WAITING events that wait; what comes then is counted as lost.

On Postgres the tables of records may be those of the existing platform: the function reads rows as JSON, so that a column that is not there
is null and never an error in a write of that platform. On SQLite, a migration that makes one of these tables again drops its triggers and
must create them again. A migration stands on its own: it names its types and tables here and never imports the models, which change later.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

UUID = sa.String(36).with_variant(sa.Uuid(as_uuid=False), "postgresql")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)
NONE = sa.text("0")
OPEN = sa.text("status IN ('waiting', 'delivering')")
WAITING = sa.text("status = 'waiting'")
DELIVERING_IN_ORDER = sa.text("status = 'delivering' AND NOT out_of_order")

MAX_WAITING = 10_000

# Of each table: the kind of record, its key, and its columns by the name in the event. A column with `?` is a boolean.
RECORDS = {
    "clients": (
        "client",
        "client_id",
        {
            **{"clientId": "client_id", "clientName": "client_name", "clientType": "client_type", "isInactive": "is_inactive?"},
            **{"defaultCurrencyCode": "default_currency_code", "accountManagerId": "account_manager_id", "billingEmail": "billing_email"},
        },
    ),
    "contacts": (
        "contact",
        "contact_name_id",
        {"contactId": "contact_name_id", "clientId": "client_id", "fullName": "full_name", "email": "email"},
    ),
    "services": (
        "service",
        "service_id",
        {
            **{"serviceId": "service_id", "serviceName": "service_name", "itemKind": "item_kind", "billingMethod": "billing_method"},
            **{"serviceTypeId": "service_type_id", "serviceTypeName": "service_type_name", "defaultRate": "default_rate"},
            **{"unitOfMeasure": "unit_of_measure", "isActive": "is_active?", "sku": "sku"},
        },
    ),
    "invoices": (
        "invoice",
        "invoice_id",
        {
            **{"invoiceId": "invoice_id", "invoiceNumber": "invoice_number", "clientId": "client_id", "status": "status"},
            **{"invoiceDate": "invoice_date", "dueDate": "due_date", "poNumber": "po_number", "currencyCode": "currency_code"},
            **{"subtotal": "subtotal", "tax": "tax", "total": "total"},
        },
    ),
}
OWNED = {"invoices": "extension_install_id"}
"""Events of these tables are only for the install that the column names."""


def upgrade() -> None:
    _create_tables()
    if op.get_bind().dialect.name == "sqlite":
        for table, (kind, key, fields) in RECORDS.items():
            _sqlite_record_triggers(table, kind, key, fields)
        _sqlite_install_triggers()
    else:
        # With the rights of who migrates: another program's role may write records, and none of these tables.
        schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
        for function in (_PG_RECORD, _PG_RECORDS, _PG_INSTALL):
            _execute(_fill(function, {"schema": schema}))
        for table, (kind, key, fields) in RECORDS.items():
            columns = json.dumps({name: column.rstrip("?") for name, column in fields.items()})
            call = f"holdfast_record_change('{kind}', '{key}', '{OWNED.get(table, '')}', '{columns}')"
            _execute(f"CREATE TRIGGER {table}_events AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {call}")
        for table, events in (("tenant_extension_install", "UPDATE"), ("tenant_extension_install_config", "INSERT OR UPDATE")):
            _execute(f"CREATE TRIGGER {table}_events AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION holdfast_record_install()")


def _create_tables() -> None:
    op.create_table(
        "extension_event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", UUID, nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("install_id", UUID, nullable=False),
        sa.Column("topic", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("data", DOCUMENT, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("available_at", INSTANT, nullable=False),
        sa.Column("status", sa.String(16), server_default="waiting", nullable=False),
        sa.Column("out_of_order", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("turn", sa.Integer(), server_default=NONE, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=NONE, nullable=False),
        sa.Column("failures", sa.Integer(), server_default=NONE, nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("claimed_at", INSTANT, nullable=True),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.UniqueConstraint("id", name="extension_event_id_uq"),
        sa.ForeignKeyConstraint(["install_id"], ["tenant_extension_install.id"], ondelete="CASCADE"),
        sa.CheckConstraint("status IN ('waiting', 'delivering', 'delivered', 'dead', 'dropped')", name="extension_event_status_chk"),
        sqlite_autoincrement=True,
    )
    _create_index("delivering_uq", ["install_id", "subject"], DELIVERING_IN_ORDER, unique=True)
    _create_index("open_idx", ["install_id", "subject", "seq"], OPEN)
    _create_index("available_idx", ["available_at"], WAITING)
    _create_index("tenant_idx", ["tenant_id", "install_id", "seq"])
    _create_index("occurred_idx", ["occurred_at"])
    op.create_table(
        "extension_event_loss",
        sa.Column("install_id", UUID, nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("lost", sa.BigInteger(), server_default=NONE, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("install_id"),
        sa.ForeignKeyConstraint(["install_id"], ["tenant_extension_install.id"], ondelete="CASCADE"),
    )


def _create_index(name: str, columns: list[str], where: sa.TextClause | None = None, *, unique: bool = False) -> None:
    table = "extension_event"
    op.create_index(f"{table}_{name}", table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


# As `handler`, only what Holdfast delivers to has a method before its path.
_DELIVERABLE = "s.handler LIKE 'POST /%'"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM extension_event e WHERE e.install_id = s.install_id AND e.status IN ('waiting', 'delivering')"
_FULL = f"({_COUNT} LIMIT {MAX_WAITING}) AS open_ones) >= {MAX_WAITING}"

_SQLITE_ID = (
    "lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' || substr(lower(hex(randomblob(2))), 2) || '-' || "
    "substr('89ab', 1 + (abs(random()) % 4), 1) || substr(lower(hex(randomblob(2))), 2) || '-' || lower(hex(randomblob(6)))"
)
# In the form in which Python writes instants.
_SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'"

_SUBSCRIBED = "EXISTS (SELECT 1 FROM extension_event_subscription WHERE tenant_id = <tenant> AND topic = <topic>)"
_SQLITE_WHOSE = "FROM extension_event_subscription s WHERE s.tenant_id = <tenant> AND s.topic = <topic> AND <deliverable><more>"
_SQLITE_RECORD = (
    "UPDATE extension_event_loss SET lost = lost + 1, last_at = <now> WHERE install_id IN (SELECT s.install_id <whose> AND <full>); "
    "INSERT INTO extension_event_loss (install_id, tenant_id, lost, last_at) SELECT s.install_id, s.tenant_id, 1, <now> "
    "<whose> AND NOT EXISTS (SELECT 1 FROM extension_event_loss l WHERE l.install_id = s.install_id) AND <full>; "
    "INSERT INTO extension_event (id, tenant_id, install_id, topic, subject, data, occurred_at, available_at) "
    "SELECT <id>, s.tenant_id, s.install_id, s.topic, <subject>, <data>, <now>, <now> <whose> AND NOT <full>; "
)


def _sqlite_insert(tenant: str, topic: str, subject: str, data: str, more: str) -> str:
    """The statements of a trigger that record an event for each subscriber. No conflict clauses: that of the outer statement would win."""
    values = {
        "tenant": tenant,
        "topic": topic,
        "more": more,
        "deliverable": _DELIVERABLE,
        "full": _FULL,
        "id": _SQLITE_ID,
        "now": _SQLITE_NOW,
    }
    return _fill(_SQLITE_RECORD.replace("<whose>", _SQLITE_WHOSE), values | {"subject": subject, "data": data})


def _fill(template: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(f"<{name}>", value)
    return template


def _sqlite_record_triggers(table: str, kind: str, key: str, fields: dict[str, str]) -> None:
    owner = OWNED.get(table)
    changed = " OR ".join(f"OLD.{column.rstrip('?')} IS NOT NEW.{column.rstrip('?')}" for column in fields.values())
    for event, change, row, when in (
        ("INSERT", "created", "NEW", ""),
        ("UPDATE", "updated", "NEW", f"AND ({changed})"),
        ("DELETE", "deleted", "OLD", ""),
    ):
        topic = f"'{kind}.{change}'"
        pairs = ", ".join(f"'{name}', {_sqlite_value(row, column)}" for name, column in fields.items())
        more = "" if owner is None else f" AND s.install_id = {row}.{owner}"
        body = _sqlite_insert(f"{row}.tenant", topic, f"'{kind}:' || {row}.{key}", f"json_object({pairs})", more)
        subscribed = _fill(_SUBSCRIBED, {"tenant": f"{row}.tenant", "topic": topic})
        _execute(f"CREATE TRIGGER {table}_{change}_events AFTER {event} ON {table} WHEN {subscribed} {when} BEGIN {body}END")


def _sqlite_value(row: str, column: str) -> str:
    return f"json(CASE WHEN {row}.{column[:-1]} THEN 'true' ELSE 'false' END)" if column.endswith("?") else f"{row}.{column}"


def _sqlite_install_triggers() -> None:
    def insert(install: str, topic: str) -> str:
        return _sqlite_insert("NEW.tenant_id", topic, f"'extension:' || NEW.{install}", "'{}'", f" AND s.install_id = NEW.{install}")

    was, now = ("(OLD.is_enabled AND OLD.status = 'enabled')", "(NEW.is_enabled AND NEW.status = 'enabled')")
    topic = f"CASE WHEN {now} THEN 'extension.enabled' ELSE 'extension.disabled' END"
    _execute(
        "CREATE TRIGGER tenant_extension_install_events AFTER UPDATE ON tenant_extension_install "
        f"WHEN {was} IS NOT {now} BEGIN {insert('id', topic)}END"
    )
    topic = "'extension.settings_changed'"
    table = "tenant_extension_install_config"
    _execute(f"CREATE TRIGGER {table}_added_events AFTER INSERT ON {table} BEGIN {insert('install_id', topic)}END")
    _execute(
        f"CREATE TRIGGER {table}_events AFTER UPDATE ON {table} WHEN OLD.config IS NOT NEW.config BEGIN {insert('install_id', topic)}END"
    )


def _execute(statement: str) -> None:
    # A colon would be a parameter.
    op.execute(sa.text(statement.replace(":", "\\:")))


_PG_RECORD = """
CREATE FUNCTION holdfast_record_event(the_tenant text, the_topic text, the_install text, the_subject text, the_data jsonb)
RETURNS void LANGUAGE sql AS $body$
    INSERT INTO extension_event_loss AS known (install_id, tenant_id, lost, last_at)
    SELECT s.install_id, s.tenant_id, 1, clock_timestamp() FROM extension_event_subscription s
    WHERE s.tenant_id = the_tenant AND s.topic = the_topic AND <deliverable>
        AND (the_install IS NULL OR CAST(s.install_id AS text) = the_install) AND <full>
    ON CONFLICT (install_id) DO UPDATE SET lost = known.lost + 1, last_at = excluded.last_at;
    INSERT INTO extension_event (id, tenant_id, install_id, topic, subject, data, occurred_at, available_at)
    SELECT gen_random_uuid(), s.tenant_id, s.install_id, s.topic, the_subject, the_data, clock_timestamp(), clock_timestamp()
    FROM extension_event_subscription s
    WHERE s.tenant_id = the_tenant AND s.topic = the_topic AND <deliverable>
        AND (the_install IS NULL OR CAST(s.install_id AS text) = the_install) AND NOT <full>;
$body$
""".replace("<deliverable>", _DELIVERABLE).replace("<full>", _FULL)

_PG_RECORDS = """
CREATE FUNCTION holdfast_record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = <schema>, pg_temp AS $body$
DECLARE
    the_row jsonb;
    the_topic text;
    the_data jsonb;
    before jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        the_row = to_jsonb(OLD);
    ELSE
        the_row = to_jsonb(NEW);
    END IF;
    the_topic = TG_ARGV[0] || CASE TG_OP WHEN 'INSERT' THEN '.created' WHEN 'UPDATE' THEN '.updated' ELSE '.deleted' END;
    IF NOT EXISTS (SELECT FROM extension_event_subscription s WHERE s.tenant_id = the_row ->> 'tenant' AND s.topic = the_topic) THEN
        RETURN NULL;
    END IF;
    SELECT jsonb_object_agg(f.key, the_row -> f.value) INTO the_data FROM jsonb_each_text(CAST(TG_ARGV[3] AS jsonb)) AS f;
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(f.key, to_jsonb(OLD) -> f.value) INTO before FROM jsonb_each_text(CAST(TG_ARGV[3] AS jsonb)) AS f;
        IF before IS NOT DISTINCT FROM the_data THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM holdfast_record_event(
        the_row ->> 'tenant', the_topic,
        CASE WHEN TG_ARGV[2] = '' THEN NULL ELSE coalesce(the_row ->> TG_ARGV[2], '') END,
        TG_ARGV[0] || ':' || (the_row ->> TG_ARGV[1]), the_data
    );
    RETURN NULL;
END
$body$
"""

_PG_INSTALL = """
CREATE FUNCTION holdfast_record_install() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = <schema>, pg_temp AS $body$
DECLARE
    the_topic text;
    the_install text;
BEGIN
    IF TG_TABLE_NAME = 'tenant_extension_install_config' THEN
        IF TG_OP = 'UPDATE' AND to_jsonb(OLD) -> 'config' IS NOT DISTINCT FROM to_jsonb(NEW) -> 'config' THEN
            RETURN NULL;
        END IF;
        the_topic = 'extension.settings_changed';
        the_install = to_jsonb(NEW) ->> 'install_id';
    ELSE
        IF (OLD.is_enabled AND OLD.status = 'enabled') IS NOT DISTINCT FROM (NEW.is_enabled AND NEW.status = 'enabled') THEN
            RETURN NULL;
        END IF;
        the_topic = CASE WHEN NEW.is_enabled AND NEW.status = 'enabled' THEN 'extension.enabled' ELSE 'extension.disabled' END;
        the_install = to_jsonb(NEW) ->> 'id';
    END IF;
    PERFORM holdfast_record_event(CAST(NEW.tenant_id AS text), the_topic, the_install, 'extension:' || the_install, CAST('{}' AS jsonb));
    RETURN NULL;
END
$body$
"""
