"""The host name under which an install is reached by itself: below `EXT_DOMAIN_ROOT`, whose names all lead to the runner."""

from __future__ import annotations

import hashlib
import re

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.registry.models.installs import TenantExtensionInstall

_NO_LABEL = re.compile(r"[^a-z0-9]+", re.ASCII)
_BEGINS_LIKE_A_UUID = re.compile(r"[0-9a-f]{8}-", re.ASCII)
_WORD = 12


async def assign_domain(session: AsyncSession, install: TenantExtensionInstall, root: str | None) -> None:
    """Gives an install that has none its host name, in the transaction that writes the install; none without a root.

    IntegrityError when two take one name at the same time, and the whole transaction is to be tried again.
    """
    if root is None or install.runner_domain is not None:
        return
    for name in domain_candidates(install.tenant_id, install.registry_id, root):
        if await session.scalar(select(TenantExtensionInstall.id).where(TenantExtensionInstall.runner_domain == name)) is None:
            install.runner_domain = name
            return


def domain_candidates(tenant_id: str, registry_id: str, root: str) -> list[str]:
    """The names for an install, in the order in which they are taken: `{tenant}-{extension}.{root}` with eight digits of each id, as
    the existing platform has it; and, where that is another's, the same with digits of both whole ids."""
    short = f"{_word(tenant_id)}-{_word(registry_id)}"
    whole = hashlib.sha256(f"{tenant_id}/{registry_id}".encode()).hexdigest()
    return [f"{short}.{root}", f"{short}-{whole[:16]}.{root}"]


def _word(text: str) -> str:
    label = _NO_LABEL.sub("-", text.strip().lower()).strip("-")
    return label[:8] if _BEGINS_LIKE_A_UUID.match(label) else label.replace("-", "")[:_WORD] or "x"
