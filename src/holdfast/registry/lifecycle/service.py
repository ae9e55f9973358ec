"""The installs of tenants as one service object. It holds the collaborators; the work is in the modules of this package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from holdfast.registry.actors import Actor
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.installs import config, grants
from holdfast.registry.installs.details import read_details
from holdfast.registry.installs.listing import list_installs
from holdfast.registry.installs.results import Grants, InstallDetails, Installed, InstallSummary, Uninstalled, Upgraded
from holdfast.registry.lifecycle.dev_install import install_archive, install_upload
from holdfast.registry.lifecycle.install import install_version
from holdfast.registry.lifecycle.replaced import sweep_replaced
from holdfast.registry.lifecycle.rollback import rollback_install
from holdfast.registry.lifecycle.uninstall import remove_due_storage, uninstall
from holdfast.registry.lifecycle.upgrade import upgrade_install
from holdfast.registry.publishing.inspection import CheckComponent


class InstallService:
    """Installs, changes and lists what tenants have. Each method raises what the function of the same name raises."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._with = collaborators

    async def install(
        self,
        *,
        actor: Actor,
        extension: str,
        version: str | None = None,
        capabilities: list[str] | None = None,
        egress: list[str] | None = None,
    ) -> Installed:
        """Installs a published version for the actor's tenant; see `install_version`."""
        installed = await install_version(
            self._with, actor=actor, extension=extension, version=version, capabilities=capabilities, egress=egress
        )
        self._with.on_runnable(actor.tenant_id, installed.registry_id)
        return installed

    async def install_archive(
        self,
        archive: Path,
        *,
        actor: Actor,
        signature: bytes | None = None,
        check_component: CheckComponent | None,
        mutable_versions: bool = True,
    ) -> Installed:
        """Installs an archive for development, private to the actor's tenant; see `install_archive`."""
        installed = await install_archive(
            self._with,
            archive,
            actor=actor,
            signature=signature,
            check_component=check_component,
            mutable_versions=mutable_versions,
        )
        self._with.on_runnable(actor.tenant_id, installed.registry_id)
        return installed

    async def install_upload(
        self,
        key: str,
        *,
        actor: Actor,
        size: int | None = None,
        declared_hash: str | None = None,
        signature: bytes | None = None,
        check_component: CheckComponent | None,
    ) -> Installed:
        """Installs an uploaded archive for development, private to the actor's tenant; see `install_upload`."""
        installed = await install_upload(
            self._with,
            key,
            actor=actor,
            size=size,
            declared_hash=declared_hash,
            signature=signature,
            check_component=check_component,
        )
        self._with.on_runnable(actor.tenant_id, installed.registry_id)
        return installed

    async def upgrade(
        self,
        *,
        actor: Actor,
        extension: str,
        version: str | None = None,
        consent: bool = False,
        disable_missing_schedules: bool = False,
    ) -> Upgraded:
        """Moves an install to another version; see `upgrade_install`."""
        upgraded = await upgrade_install(
            self._with,
            actor=actor,
            extension=extension,
            version=version,
            consent=consent,
            disable_missing_schedules=disable_missing_schedules,
        )
        self._with.on_runnable(actor.tenant_id, upgraded.registry_id)
        return upgraded

    async def rollback(self, *, actor: Actor, extension: str, disable_missing_schedules: bool = False) -> Upgraded:
        """Moves an install back to the version before; see `rollback_install`."""
        rolled_back = await rollback_install(
            self._with, actor=actor, extension=extension, disable_missing_schedules=disable_missing_schedules
        )
        self._with.on_runnable(actor.tenant_id, rolled_back.registry_id)
        return rolled_back

    async def uninstall(self, *, actor: Actor, extension: str) -> Uninstalled:
        """Removes an install; see `uninstall`."""
        return await uninstall(self._with, actor=actor, extension=extension)

    async def list(self, *, tenant_id: str) -> list[InstallSummary]:
        """A tenant's installs, disabled ones too, by publisher and name."""
        return await list_installs(self._with.db, tenant_id)

    async def details(self, *, tenant_id: str, extension: str) -> InstallDetails:
        """One install with everything but setting values and secrets; see `read_details`."""
        return await read_details(self._with.db, tenant_id=tenant_id, extension=extension)

    async def set_enabled(self, *, actor: Actor, extension: str, enabled: bool) -> None:
        """Enables or disables an install."""
        await config.set_enabled(self._with.db, actor=actor, extension=extension, enabled=enabled, now=self._with.now)
        if enabled:
            self._with.on_runnable(actor.tenant_id, extension)

    async def read_grants(self, *, tenant_id: str, extension: str) -> Grants:
        """What an install may do; see `read_grants`."""
        return await grants.read_grants(self._with.db, tenant_id=tenant_id, extension=extension)

    async def grant(self, *, actor: Actor, extension: str, capabilities: Iterable[str] = (), egress: Iterable[str] = ()) -> Grants:
        """Grants capabilities and egress hosts; see `grant`."""
        return await grants.grant(
            self._with.db, actor=actor, extension=extension, capabilities=capabilities, egress=egress, now=self._with.now
        )

    async def revoke(self, *, actor: Actor, extension: str, capabilities: Iterable[str] = (), egress: Iterable[str] = ()) -> Grants:
        """Revokes capabilities and egress hosts; see `revoke`."""
        return await grants.revoke(
            self._with.db, actor=actor, extension=extension, capabilities=capabilities, egress=egress, now=self._with.now
        )

    async def read_config(self, *, tenant_id: str, extension: str) -> dict[str, Any]:
        """The settings of an install."""
        return await config.read_config(self._with.db, tenant_id=tenant_id, extension=extension)

    async def replace_config(self, *, actor: Actor, extension: str, values: dict[str, Any]) -> str:
        """Replaces all settings of an install. Returns the new settings version."""
        return await config.replace_config(self._with.db, actor=actor, extension=extension, config=values, now=self._with.now)

    async def patch_config(self, *, actor: Actor, extension: str, values: Mapping[str, Any], unset: Iterable[str] = ()) -> dict[str, Any]:
        """Sets some settings and removes others. Returns all of them."""
        return await config.patch_config(self._with.db, actor=actor, extension=extension, set=values, unset=unset, now=self._with.now)

    async def remove_due_storage(self) -> int:
        """Deletes the storage of uninstalled extensions whose grace period is over. Returns the number of installs."""
        return await remove_due_storage(self._with.db, self._with.now)

    async def sweep_replaced(self) -> int:
        """Removes what development installs have replaced, after a while; see `sweep_replaced`."""
        return await sweep_replaced(self._with.db, self._with.store, now=self._with.now)
