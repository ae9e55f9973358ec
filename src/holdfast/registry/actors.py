"""The person or key behind a publish, an install, a grant."""

from __future__ import annotations

from msgspec import Struct


class Actor(Struct, frozen=True, kw_only=True):
    """`tenant_id` is the tenant whose installs and publishers it may change; `user_id` and `email` are for the audit log.

    The code that creates an actor has checked its permissions.
    """

    tenant_id: str
    user_id: str
    email: str | None = None


def local_actor(tenant_id: str) -> Actor:
    """The user of a data folder on its own machine, who has no account."""
    return Actor(tenant_id=tenant_id, user_id="local")
