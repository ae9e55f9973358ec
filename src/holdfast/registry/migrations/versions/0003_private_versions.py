"""Private versions: what a development install made known belongs to its tenant.

A version that was published has a `published_tenant`; what has none came from a development install, from the existing platform, or from
its install script. Such a version becomes private when exactly one tenant has it installed or, if it is not installed, when its bundles
are stored for exactly one tenant. Versions that several tenants have stay public: they share them already.

A migration stands on its own: it names its types here and never imports the models, which change later.
"""

from __future__ import annotations

import re
from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

UUID = sa.String(36).with_variant(sa.Uuid(as_uuid=False), "postgresql")

VERSIONS = sa.table(
    "extension_version", sa.column("id", UUID), sa.column("published_tenant", sa.String), sa.column("private_tenant", sa.String)
)
INSTALLS = sa.table("tenant_extension_install", sa.column("version_id", UUID), sa.column("tenant_id", sa.String))
BUNDLES = sa.table("extension_bundle", sa.column("version_id", UUID), sa.column("storage_url", sa.Text))
STORED_FOR = re.compile(r"(?:^|/)tenants/([^/]+)/extensions/")


def upgrade() -> None:
    # Only a column: the unique constraint on (registry_id, version) stays, because scripts insert with it as their conflict target.
    op.add_column("extension_version", sa.Column("private_tenant", sa.String(255)))
    connection = op.get_bind()
    installed: dict[str, set[str]] = defaultdict(set)
    for version_id, tenant_id in connection.execute(sa.select(INSTALLS.c.version_id, INSTALLS.c.tenant_id)):
        installed[version_id].add(tenant_id)
    stored: dict[str, set[str]] = defaultdict(set)
    for version_id, url in connection.execute(sa.select(BUNDLES.c.version_id, BUNDLES.c.storage_url)):
        if (found := STORED_FOR.search(url or "")) is not None:
            stored[version_id].add(found[1])
    unpublished = connection.execute(sa.select(VERSIONS.c.id).where(VERSIONS.c.published_tenant.is_(None))).scalars().all()
    for version_id in unpublished:
        tenants = installed[version_id] or stored[version_id]
        if len(tenants) == 1:
            connection.execute(sa.update(VERSIONS).where(VERSIONS.c.id == version_id).values(private_tenant=next(iter(tenants))))
