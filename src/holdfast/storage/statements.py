"""The statements of extension storage, built once. Each is a seek on an index: how many records there are does not matter.

Values and metadata go in and come out as JSON text, so that a value passes through without being decoded.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, Text, bindparam, cast, column, delete, insert, or_, select, table, text, tuple_, update
from sqlalchemy.types import UserDefinedType

from holdfast.records.database.columns import Timestamp, UuidText
from holdfast.records.database.prepared import Prepared
from holdfast.storage.tables import StorageNamespace, StorageRecord, StorageSchema, StorageUsage


class _JsonText(UserDefinedType[str]):
    """A parameter that is JSON text already; on Postgres it takes the type of its column, jsonb."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        return "JSON"


_records, _usage, _namespaces = StorageRecord.__table__.c, StorageUsage.__table__.c, StorageNamespace.__table__.c

_TENANT, _INSTALL = bindparam("tenant", type_=UuidText), bindparam("install", type_=UuidText)
_NAMESPACE, _KEY = bindparam("namespace", type_=_records.namespace.type), bindparam("key", type_=_records.key.type)
_NOW, _COUNT = bindparam("now", type_=Timestamp), bindparam("count", type_=Integer)

_OF_INSTALL = (_records.tenant == _TENANT, _records.extension_install_id == _INSTALL)
_OF_NAMESPACE = (*_OF_INSTALL, _records.namespace == _NAMESPACE)
_OF_KEY = (*_OF_NAMESPACE, _records.key == _KEY)
_USAGE_OF_INSTALL = (_usage.tenant == _TENANT, _usage.extension_install_id == _INSTALL)
_COUNTER = (_namespaces.tenant == _TENANT, _namespaces.extension_install_id == _INSTALL, _namespaces.namespace == _NAMESPACE)
_ALIVE = or_(_records.ttl_expires_at.is_(None), _records.ttl_expires_at > _NOW)
_SIZE = _records.value_size_bytes + _records.metadata_size_bytes

_WITHOUT_VALUES = (
    _records.key,
    _records.revision,
    cast(_records.metadata, Text),
    _records.value_size_bytes,
    _records.metadata_size_bytes,
    _records.ttl_expires_at,
    _records.created_at,
    _records.updated_at,
)
_WITH_VALUES = (*_WITHOUT_VALUES, cast(_records.value, Text))

GET = Prepared(select(*_WITH_VALUES).where(*_OF_KEY, _ALIVE))
"""The record of tenant, install, namespace and key that has not expired by `now`: the columns that `list_statement` gives with values."""

FIND_KEYS = 16
_KNOWN = (_records.key, _records.revision, _SIZE, _records.ttl_expires_at, _records.created_at)
_ANY_KEY = _records.key.in_([bindparam(f"key{number}", type_=_records.key.type) for number in range(FIND_KEYS)])

FIND = Prepared(select(*_KNOWN).where(*_OF_KEY))
"""Key, revision, size, expiry and creation of a record, whether it has expired or not."""

FIND_MANY = Prepared(select(*_KNOWN).where(*_OF_NAMESPACE, _ANY_KEY))
"""The same of those records of a namespace whose keys are among `key0` to `key15`."""


def _list_statement(*, inclusive: bool, bounded: bool, values: bool) -> Prepared:
    first = bindparam("first", type_=_records.key.type)
    conditions = [_records.key >= first if inclusive else _records.key > first]
    if bounded:
        conditions.append(_records.key < bindparam("end", type_=_records.key.type))
    columns = _WITH_VALUES if values else _WITHOUT_VALUES
    return Prepared(select(*columns).where(*_OF_NAMESPACE, *conditions, _ALIVE).order_by(_records.key).limit(_COUNT))


LISTS = {
    (inclusive, bounded, values): _list_statement(inclusive=inclusive, bounded=bounded, values=values)
    for inclusive in (False, True)
    for bounded in (False, True)
    for values in (False, True)
}
"""The first `count` records from the key `first` on, in the order of their keys.

By whether they include `first` itself, end before the key `end`, and have values."""

_WRITTEN = {
    "revision": bindparam("revision", type_=_records.revision.type),
    "value": bindparam("value", type_=_JsonText()),
    "metadata": bindparam("metadata", type_=_JsonText()),
    "value_size_bytes": bindparam("value_size", type_=_records.value_size_bytes.type),
    "metadata_size_bytes": bindparam("metadata_size", type_=_records.metadata_size_bytes.type),
    "ttl_expires_at": bindparam("expires", type_=Timestamp),
    "created_at": bindparam("created", type_=Timestamp),
    "updated_at": bindparam("updated", type_=Timestamp),
}
_IDENTITY = {"tenant": _TENANT, "extension_install_id": _INSTALL}

INSERT = Prepared(insert(StorageRecord).values(**_IDENTITY, namespace=_NAMESPACE, key=_KEY, **_WRITTEN))
UPDATE = Prepared(update(StorageRecord).where(*_OF_KEY).values(**_WRITTEN))
DELETE = Prepared(delete(StorageRecord).where(*_OF_KEY))

_EXPIRED = (
    select(_records.namespace, _records.key)
    .where(*_OF_INSTALL, _records.ttl_expires_at <= _NOW)
    .order_by(_records.ttl_expires_at)
    .limit(_COUNT)
)
_IS_EXPIRED = tuple_(_records.namespace, _records.key).in_(_EXPIRED)
DELETE_EXPIRED = Prepared(delete(StorageRecord).where(*_OF_INSTALL, _IS_EXPIRED).returning(_records.namespace, _records.key, _SIZE))
"""Deletes the first `count` records of an install that expired by `now`; gives their namespaces, keys and sizes."""

INSTALLS_WITH_EXPIRED = Prepared(
    select(_usage.tenant, _usage.extension_install_id)
    .where(
        tuple_(_usage.tenant, _usage.extension_install_id) > tuple_(_TENANT, _INSTALL),
        select(1)
        .where(
            _records.tenant == _usage.tenant,
            _records.extension_install_id == _usage.extension_install_id,
            _records.ttl_expires_at <= _NOW,
        )
        .exists(),
    )
    .order_by(_usage.tenant, _usage.extension_install_id)
    .limit(_COUNT)
)
"""The first `count` installs after the one of `tenant` and `install` that hold expired records."""

# The registry is beside this package, not below: only the name of its table is used.
_installs = table(
    "tenant_extension_install", column("id", UuidText), column("tenant_id", Text), column("quota_storage_bytes", BigInteger)
).c
_OWN_LIMIT = (
    select(_installs.quota_storage_bytes)
    .where(_installs.id == _usage.extension_install_id, _installs.tenant_id == cast(_usage.tenant, Text))
    .correlate(StorageUsage)
    .scalar_subquery()
)

_schemas = StorageSchema.__table__.c
_HAS_SCHEMAS = (
    select(1)
    .where(_schemas.tenant == _usage.tenant, _schemas.extension_install_id == _usage.extension_install_id)
    .correlate(StorageUsage)
    .exists()
)
_OF_SCHEMAS = (_schemas.tenant == _TENANT, _schemas.extension_install_id == _INSTALL, _schemas.namespace == _NAMESPACE)

SCHEMA_VERSIONS = Prepared(select(_schemas.schema_version, _schemas.status, _schemas.updated_at).where(*_OF_SCHEMAS))
"""Version, status and last change of each schema of a namespace."""

SCHEMA_DOCUMENT = Prepared(
    select(_schemas.schema_document).where(*_OF_SCHEMAS, _schemas.schema_version == bindparam("version", type_=Integer))
)

LOCK_USAGE = Prepared(
    select(_usage.bytes_used, _usage.keys_count, _usage.namespaces_count, _OWN_LIMIT, _HAS_SCHEMAS)
    .where(*_USAGE_OF_INSTALL)
    .with_for_update()
)
"""Bytes, keys and namespaces of an install, the limit of bytes that it has of its own, and whether any of its namespaces has a
schema.

On Postgres it locks the row until the transaction ends; on SQLite there is one writer."""

# As text, because SQLAlchemy spells ON CONFLICT differently for each database.
CREATE_USAGE = Prepared(
    text(
        "INSERT INTO ext_storage_usage (tenant, extension_install_id, bytes_used, keys_count, namespaces_count, updated_at) "
        "VALUES (:tenant, :install, 0, 0, 0, :now) ON CONFLICT DO NOTHING"
    ).bindparams(_TENANT, _INSTALL, _NOW)
)
UPDATE_USAGE = Prepared(
    update(StorageUsage)
    .where(*_USAGE_OF_INSTALL)
    .values(
        bytes_used=bindparam("bytes", type_=_usage.bytes_used.type),
        keys_count=bindparam("keys", type_=Integer),
        namespaces_count=bindparam("namespaces", type_=Integer),
        updated_at=_NOW,
    )
)

COUNT_KEYS = Prepared(select(_namespaces.keys_count).where(*_COUNTER))
SET_COUNT = Prepared(
    text(
        "INSERT INTO ext_storage_namespaces (tenant, extension_install_id, namespace, keys_count) "
        "VALUES (:tenant, :install, :namespace, :keys) "
        "ON CONFLICT (tenant, extension_install_id, namespace) DO UPDATE SET keys_count = excluded.keys_count"
    ).bindparams(_TENANT, _INSTALL, _NAMESPACE, bindparam("keys", type_=Integer))
)
DELETE_COUNT = Prepared(delete(StorageNamespace).where(*_COUNTER))
