"""Who administers: the person or key behind a publish, an install, a grant."""

from __future__ import annotations

from msgspec import Struct


class Actor(Struct, frozen=True, kw_only=True):
    """`tenant_id` is whose installs and publishers it may touch; `user_id` and `email` are for the audit log.

    That the actor may do what it asks for has been checked by whoever made it.
    """

    tenant_id: str
    user_id: str
    email: str | None = None


def local_actor(tenant_id: str) -> Actor:
    """Whoever has the data folder, on its own machine: there is no account to name."""
    return Actor(tenant_id=tenant_id, user_id="local")
