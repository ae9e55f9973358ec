"""The change feed: has anything that decides the calls of a tenant changed since it was read?

What is read from the database may be used again while the stamp that was read before it is still the stamp:

    stamp ──▶ read rows ──▶ remember both ──▶ (next call) stamp again: the same ──▶ use what is remembered
                                                                     another, None ──▶ read rows again

SQLite has counters, which are read on every call; Postgres sends notifications, which are only trusted for a second.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

Stamp = Hashable
"""Compared with `==`, and only with stamps of the same feed and tenant."""

CHANNEL = "holdfast_changes"
"""The Postgres channel of changes. Its payload is the scope: a tenant's id, or SHARED."""
SHARED = ""
"""The scope of a change that can concern every tenant."""
ANYTHING = "*"
"""The scope that every change counts in."""


class ChangeFeed(Protocol):
    """Belongs to one event loop. Nothing here waits or raises."""

    def stamp(self, tenant_id: str) -> Stamp | None:
        """A value that changes with everything that decides the tenant's calls; None when that is unknown: read the database then."""
        ...

    def mark(self) -> Stamp | None:
        """The same for all tenants at once, for a read that shows only afterwards which tenant it is about."""
        ...

    @property
    def works(self) -> bool:
        """Whether the feed can know anything. True also while a moment without an answer of the database makes it know nothing."""
        ...

    def follow(self) -> AbstractAsyncContextManager[None]:
        """Keeps the feed up to date during the block. Outside it, a feed of a Postgres database knows nothing."""
        ...
