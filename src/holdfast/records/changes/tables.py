"""The tables whose rows decide calls: who calls and what they may do, what is installed and with which rights.

The migration that creates the triggers names them too: a migration never imports what changes later. A test compares both lists.
"""

from __future__ import annotations

import re

TENANT_TABLES = {
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
}
"""Tables whose rows belong to a tenant, with the column that names it."""

SHARED_TABLES = ("extension_registry", "extension_version", "extension_bundle")
"""Tables whose rows any tenant may use."""

# A new row of these adds something that was not there before, and gateways remember nothing about what does not exist.
_HARMLESS_INSERTS = frozenset({"tenants", "users", "sessions", "api_keys", "contacts", "extension_registry", "extension_version"})

# Not read by gateways, but a client that is deleted is taken from its contacts.
_CASCADING = "clients"

_WRITE = re.compile(r'\s*(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?"?(\w+)', re.IGNORECASE)


def decides_calls(statement: str) -> bool:
    """Whether an SQL statement can change the outcome of calls that a gateway decides from memory."""
    found = _WRITE.match(statement)
    if found is None:
        return False
    verb, table = found[1].upper(), found[2].lower()
    if table not in TENANT_TABLES and table not in SHARED_TABLES:
        return table == _CASCADING and verb.startswith("DELETE")
    return not verb.startswith("INSERT") or table not in _HARMLESS_INSERTS
