"""Opens the operations of commands for a platform that starts."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.gateway.services import Services
    from holdfast.platform.control.server import Operations


def open_operations(services: Services, *, has_own_runner: bool) -> AbstractAsyncContextManager[Operations]:
    """The platform's `OpenOperations`."""
    # Imported here: the registry takes longer to import than everything that a platform starts before it.
    from holdfast.client.running.operations import open_operations

    return open_operations(services, has_own_runner=has_own_runner)
