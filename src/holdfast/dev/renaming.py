"""What becomes of an install whose extension has another name after a save.

old install ──did this session install it first?──yes──▶ uninstalled; what it stored is kept for the storage grace period
                                               └──no───▶ stays: it may be in use, with settings and secrets of its own
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from holdfast.client.registry.protocol import Registry
from holdfast.errors import HoldfastError


class Renamed(Struct, frozen=True, kw_only=True):
    """An extension got another name. `stays` says whether the install of the old name is still there; `storage_until` is when the data of a
    removed one is deleted."""

    old: str
    new: str
    stays: bool
    storage_until: datetime | None = None


async def leave_install(registry: Registry, old: str, new: str, *, is_own: bool) -> Renamed:
    """Removes the install of the old name if it is this session's own. Never raises HoldfastError."""
    try:
        if is_own:
            removed = await registry.uninstall(old)
            return Renamed(old=old, new=new, stays=False, storage_until=removed.storage_until)
        await registry.details(old)
    except HoldfastError:
        # It was never installed, or somebody has uninstalled it.
        return Renamed(old=old, new=new, stays=False)
    return Renamed(old=old, new=new, stays=True)
