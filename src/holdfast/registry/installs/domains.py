"""The host name of an install, below `EXT_DOMAIN_ROOT`. All names below it resolve to the runner."""

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
    """Assigns a host name to an install without one, in the transaction that writes the install. Does nothing without a root.

    Raises IntegrityError when two transactions assign one name at once; the caller repeats the whole transaction.
    """
    if root is None or install.runner_domain is not None:
        return
    for name in domain_candidates(install.tenant_id, install.registry_id, root):
        if await session.scalar(select(TenantExtensionInstall.id).where(TenantExtensionInstall.runner_domain == name)) is None:
            install.runner_domain = name
            return


def domain_candidates(tenant_id: str, registry_id: str, root: str) -> list[str]:
    """The names for an install, in order of preference: `{tenant}-{extension}.{root}` with eight digits of each id, as
    the existing platform has it; where that is in use, the same with digits of a hash of both ids."""
    short = f"{_word(tenant_id)}-{_word(registry_id)}"
    whole = hashlib.sha256(f"{tenant_id}/{registry_id}".encode()).hexdigest()
    return [f"{short}.{root}", f"{short}-{whole[:16]}.{root}"]


def _word(text: str) -> str:
    label = _NO_LABEL.sub("-", text.strip().lower()).strip("-")
    return label[:8] if _BEGINS_LIKE_A_UUID.match(label) else label.replace("-", "")[:_WORD] or "x"
