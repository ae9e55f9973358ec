"""What commands do with the registry, wherever it is. `registry_local` does it on a data folder, `registry_server` over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from msgspec import UNSET, UnsetType

from holdfast.cli.terminal.progress import WorkProgress
from holdfast.client.target import Target
from holdfast.registry.installs.details import InstallDetails
from holdfast.registry.installs.grants import Grants
from holdfast.registry.installs.listing import InstallSummary
from holdfast.registry.installs.results import Installed, Uninstalled, Upgraded
from holdfast.registry.publishing.publish import Published
from holdfast.registry.publishing.requirements import Publication
from holdfast.registry.publishing.versions import VersionSummary
from holdfast.registry.secrets.administration import SecretsSummary


class Registry(Protocol):
    """The installs of one tenant, and what is published. `extension` is the id of an install or of the registry, `publisher.name` in any
    letter case, or a bare name that is the only one.

    Every method raises HoldfastError: what the registry refuses, or that the server cannot be reached or used.
    """

    def page_of(self, registry_id: str) -> str:
        """The address of an extension's page in the console."""
        ...

    async def publish(self, archive: Path, *, signature: bytes | None, progress: WorkProgress) -> Published:
        """Publishes a bundle, with the bytes of its `.minisig` if it has one."""
        ...

    async def publication(self, extension: str, version: str | None) -> Publication:
        """What a version asks for: the one named, the newest of `X.Y.*`, or the newest of all."""
        ...

    async def versions(self, extension: str) -> list[VersionSummary]:
        """The published versions, newest first."""
        ...

    async def yank(self, extension: str, version: str, *, reason: str | None) -> None:
        """Hides a version from new installs."""
        ...

    async def unyank(self, extension: str, version: str) -> None:
        """Shows it again."""
        ...

    async def installs(self) -> list[InstallSummary]:
        """What is installed, disabled ones too."""
        ...

    async def details(self, extension: str) -> InstallDetails:
        """Everything about one install, except values."""
        ...

    async def install_source(self, source: Path, progress: WorkProgress) -> Installed:
        """Installs an author's folder (built and packed first) or bundle with all that it asks for. A server publishes it on the way."""
        ...

    async def install(
        self, extension: str, version: str | None, *, capabilities: Sequence[str] | None = None, egress: Sequence[str] | None = None
    ) -> Installed:
        """Installs a published version with these grants; None grants all that is asked for."""
        ...

    async def upgrade(self, extension: str, version: str | None, *, consent: bool, disable_missing_schedules: bool) -> Upgraded:
        """Moves an install to another version. Raises ConsentRequired, SchedulesMissing among others."""
        ...

    async def rollback(self, extension: str, *, disable_missing_schedules: bool) -> Upgraded:
        """Moves an install back to the version before."""
        ...

    async def uninstall(self, extension: str) -> Uninstalled:
        """Removes an install with what belongs to it."""
        ...

    async def set_enabled(self, extension: str, *, enabled: bool) -> None:
        """Switches an install on or off."""
        ...

    async def grants(self, extension: str) -> Grants:
        """What an install asks for and what it is granted."""
        ...

    async def grant(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        """Grants these too."""
        ...

    async def revoke(self, extension: str, *, capabilities: Sequence[str], egress: Sequence[str]) -> Grants:
        """Takes these away."""
        ...

    async def config(self, extension: str) -> dict[str, Any]:
        """The settings of an install."""
        ...

    async def change_config(self, extension: str, *, values: dict[str, Any], unset: Sequence[str]) -> dict[str, Any]:
        """Sets and removes single settings; gives all that then are."""
        ...

    async def secrets(self, extension: str) -> SecretsSummary:
        """The names of an install's secrets."""
        ...

    async def set_secrets(
        self, extension: str, values: dict[str, str], *, expires_at: datetime | UnsetType | None = UNSET
    ) -> SecretsSummary:
        """Sets single secrets. An `expires_at` that is not given stays as it is."""
        ...

    async def remove_secret(self, extension: str, key: str) -> SecretsSummary:
        """Removes one."""
        ...

    async def clear_secrets(self, extension: str) -> SecretsSummary:
        """Removes all."""
        ...


@asynccontextmanager
async def open_registry(target: Target) -> AsyncIterator[Registry]:
    """The registry that a command's options and variables name, opened for that command."""
    server = target.server_target()
    # Imported here, so that a command for a server does not pay for engine and database.
    if server is not None:
        from holdfast.client.registry.http import open_server

        async with open_server(server) as remote:
            yield remote
    else:
        from holdfast.client.registry.local import open_local

        async with open_local(target) as local:
            yield local
