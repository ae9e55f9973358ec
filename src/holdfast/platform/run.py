"""What one run of the platform consists of, and what it reports when it is ready."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from holdfast.errors import HoldfastError
from holdfast.platform.lock_file import RunningPlatform
from holdfast.platform.runner_processes import RunnerProcess
from holdfast.records.development_tenant import DevelopmentAccount
from holdfast.registry.installs.results import Installed
from holdfast.settings import Settings

if TYPE_CHECKING:
    from holdfast.bundles.store.protocol import BundleStore
    from holdfast.gateway.services import Services
    from holdfast.platform.control.server import Operations
    from holdfast.records.database.database import Database


@dataclass(frozen=True)
class Ready:
    """The platform once it runs. `account` is None in production, unless sources were installed for it. `failed` has the sources that
    could not be installed, each with its error."""

    running: RunningPlatform
    account: DevelopmentAccount | None
    installed: list[Installed]
    failed: list[tuple[Path, HoldfastError]]


class SourceInstaller(Protocol):
    """Builds and installs the sources that the platform is started with."""

    def check(self, source: Path) -> None:
        """Raises HoldfastError for a source that cannot be installed, without building it."""
        ...

    def open(
        self, settings: Settings, db: Database, store: BundleStore
    ) -> AbstractAsyncContextManager[Callable[[Path], Awaitable[Installed]]]:
        """A function that builds and installs one source, and raises HoldfastError."""
        ...


class OpenOperations(Protocol):
    """Opens what commands can have the platform do, through its control socket."""

    def __call__(self, services: Services, *, has_own_runner: bool) -> AbstractAsyncContextManager[Operations]:
        """`has_own_runner` is whether the platform started its runner, which then has the same version."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """`listening` has a socket for each gateway process; `runner` is None when it runs elsewhere. `stop_seconds` is how long open responses
    may take after a stop. `schedules` is whether the platform starts a scheduler."""

    settings: Settings
    running: RunningPlatform
    listening: Sequence[socket.socket]
    runner: RunnerProcess | None
    sources: Sequence[Path]
    installer: SourceInstaller
    operations: OpenOperations
    stop_seconds: int
    schedules: bool
