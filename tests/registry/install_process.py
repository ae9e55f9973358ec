"""A process that changes an install, and is killed at one of its steps."""

from __future__ import annotations

from typing import Literal

import msgspec

from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.database import Database
from holdfast.registry.lifecycle.install import install_version
from holdfast.registry.lifecycle.rollback import rollback_install
from holdfast.registry.lifecycle.uninstall import uninstall
from holdfast.registry.lifecycle.upgrade import upgrade_install
from tests.registry.collaborators import collaborators
from tests.registry.installer import NOTES
from tests.registry.publish_process import work_until_killed
from tests.registry.publisher import EVE

Change = Literal["install", "upgrade", "rollback", "uninstall"]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What the process does, and where; `store` is a folder."""

    url: str
    store: str
    change: Change


def change_until_killed(work: Work, step: int) -> None:
    """Makes the change for EVE, and is killed at the step number `step`, if it comes to that."""

    async def change(db: Database, store: BundleStore) -> None:
        match work.change:
            case "install":
                await install_version(collaborators(db, store), actor=EVE, extension=NOTES, version="1.0.0")
            case "upgrade":
                await upgrade_install(collaborators(db, store), actor=EVE, extension=NOTES, version="1.1.0")
            case "rollback":
                await rollback_install(collaborators(db, store), actor=EVE, extension=NOTES)
            case "uninstall":
                await uninstall(collaborators(db, store), actor=EVE, extension=NOTES)

    work_until_killed(work.url, work.store, step, change)
