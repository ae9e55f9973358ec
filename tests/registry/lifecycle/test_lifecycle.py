"""Whatever three tenants publish, install, change and remove, in any order: no tenant's bundle, grants, rows or secrets are ever wrong.

HOLDFAST_TEST_LONG=1 tries far more orders than the usual few: at night, or after a change here.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from holdfast.errors import HoldfastError
from holdfast.records.database.database import Database
from holdfast.records.models.users import Tenant
from holdfast.registry.actors import Actor
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.installs.config import patch_config, set_enabled
from holdfast.registry.installs.grants import grant, revoke
from holdfast.registry.lifecycle.install import install_version
from holdfast.registry.lifecycle.rollback import rollback_install
from holdfast.registry.lifecycle.uninstall import uninstall
from holdfast.registry.lifecycle.upgrade import upgrade_install
from holdfast.registry.migrate import migrate
from holdfast.registry.publishing.versions import unyank, yank
from holdfast.registry.secrets.administration import remove_secret, set_secrets
from holdfast.storage.records import Write
from holdfast.storage.service import ExtensionStorage
from tests.records.databases import KINDS, sqlite_url
from tests.records.postgres import PostgresServer
from tests.registry.collaborators import collaborators
from tests.registry.lifecycle_model import ACTORS, EXTENSIONS, TENANTS, World
from tests.session.effort import repetitions

pytestmark = [pytest.mark.slow, pytest.mark.fuzz]

EXAMPLES = repetitions(4, long=200)
STEPS = 20
CAPABILITIES = ["cap:http.fetch", "cap:secrets.get", "cap:storage.kv"]
HOSTS = ["api.example.com", "other.example.com"]

actors = st.sampled_from(ACTORS)
# Mostly the one that everybody has, and versions that are there: a refusal is a step in which little happens.
extensions = st.sampled_from([EXTENSIONS[0], EXTENSIONS[0], EXTENSIONS[1]])
versions = st.sampled_from(["1.0.0", "1.1.0", "2.0.0"])
wanted = st.sampled_from([None, None, "1.0.0", "1.0.*", "2.0.0"])
some = st.lists(st.sampled_from(CAPABILITIES), unique=True).map(sorted)
hosts = st.lists(st.sampled_from(HOSTS), unique=True).map(sorted)

Fresh = Callable[[], AbstractContextManager[str]]
"""Makes a migrated database without rows, and gives its URL."""


class Lifecycle(RuleBasedStateMachine):
    """Each rule is one change by one tenant; what is refused is refused by name and changes nothing."""

    fresh: Fresh
    folder: Path
    numbers: Iterator[int]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.opened = self.fresh()
        self.db = Database(self.opened.__enter__())
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        self.world = World(self.db, folder)

    @initialize()
    def tenants(self) -> None:
        """Each has the first extension from the start: most of what can go wrong needs one."""

        async def add() -> None:
            async with self.db.transaction() as session:
                session.add_all([Tenant(tenant=tenant_id, client_name="A client") for tenant_id in TENANTS])

        self.runner.run(add())
        for actor, extension in zip(ACTORS, EXTENSIONS, strict=False):
            self.publish(actor, extension, "1.0.0", ["cap:storage.kv"], HOSTS)
        for actor in ACTORS:
            self.install(actor, EXTENSIONS[0], None, None, None)

    def teardown(self) -> None:
        self.runner.run(self.db.close())
        self.runner.run(self.world.sealer.close())
        self.runner.close()
        self.opened.__exit__(None, None, None)
        shutil.rmtree(self.world.folder)

    @property
    def there(self) -> dict[str, Any]:
        return {"db": self.db, "now": self.world.clock}

    @property
    def using(self) -> Collaborators:
        return collaborators(self.db, self.world.store, now=self.world.clock)

    def do(self, actor: Actor, work: Awaitable[Any]) -> HoldfastError | None:
        return self.runner.run(self.world.do(actor, work))

    @rule(actor=actors, extension=extensions, version=versions, capabilities=some, egress=hosts)
    def publish(self, actor: Actor, extension: str, version: str, capabilities: list[str], egress: list[str]) -> None:
        self.do(actor, self.world.publish(actor, extension, version, capabilities, egress))

    @rule(actor=actors, extension=extensions, version=wanted, capabilities=st.none() | some, egress=st.none() | hosts)
    def install(self, actor: Actor, extension: str, version: str | None, capabilities: list[str] | None, egress: list[str] | None) -> None:
        work = install_version(
            self.using,
            actor=actor,
            extension=extension,
            version=version,
            capabilities=capabilities,
            egress=egress,
        )
        self.do(actor, work)

    @precondition(lambda self: self.world.published)
    @rule(actor=actors, extension=extensions, version=wanted, consent=st.booleans())
    def upgrade(self, actor: Actor, extension: str, version: str | None, consent: bool) -> None:
        work = upgrade_install(
            self.using,
            actor=actor,
            extension=extension,
            version=version,
            consent=consent,
        )
        self.do(actor, work)

    @precondition(lambda self: self.world.published)
    @rule(actor=actors, extension=extensions)
    def rollback(self, actor: Actor, extension: str) -> None:
        work = rollback_install(self.using, actor=actor, extension=extension)
        self.do(actor, work)

    @precondition(lambda self: self.world.published)
    @rule(actor=actors, extension=extensions, capabilities=some, egress=hosts, more=st.booleans())
    def change_grants(self, actor: Actor, extension: str, capabilities: list[str], egress: list[str], more: bool) -> None:
        change = grant if more else revoke
        self.do(actor, change(**self.there, actor=actor, extension=extension, capabilities=capabilities, egress=egress))

    @precondition(lambda self: self.world.published)
    @rule(actor=actors, extension=extensions, enabled=st.booleans())
    def switch(self, actor: Actor, extension: str, enabled: bool) -> None:
        self.do(actor, set_enabled(**self.there, actor=actor, extension=extension, enabled=enabled))

    @precondition(lambda self: self.world.published)
    @rule(actor=actors, extension=extensions, value=st.integers(0, 9))
    def configure(self, actor: Actor, extension: str, value: int) -> None:
        self.do(actor, patch_config(**self.there, actor=actor, extension=extension, set={"value": value}))

    @precondition(lambda self: self.world.published)
    @rule(actor=actors, extension=extensions, key=st.sampled_from(["a", "b"]), number=st.integers(0, 9))
    def set_secret(self, actor: Actor, extension: str, key: str, number: int) -> None:
        value = f"secret of {actor.tenant_id} {number}"
        work = set_secrets(**self.there, sealer=self.world.sealer, actor=actor, extension=extension, values={key: value})
        if self.do(actor, work) is None:
            self.world.secrets.setdefault((actor.tenant_id, extension), {})[key] = value

    @precondition(lambda self: self.world.secrets)
    @rule(actor=actors, extension=extensions, key=st.sampled_from(["a", "b"]))
    def drop_secret(self, actor: Actor, extension: str, key: str) -> None:
        work = remove_secret(**self.there, sealer=self.world.sealer, actor=actor, extension=extension, key=key)
        if self.do(actor, work) is None:
            del self.world.secrets[actor.tenant_id, extension][key]

    @precondition(lambda self: self.world.published)
    @rule(actor=actors, extension=extensions, days=st.integers(0, 2))
    def uninstall(self, actor: Actor, extension: str, days: int) -> None:
        work = uninstall(replace(self.using, storage_grace=timedelta(days=days)), actor=actor, extension=extension)
        if self.do(actor, work) is None:
            self.world.secrets.pop((actor.tenant_id, extension), None)

    @precondition(lambda self: self.world.published)
    @rule(actor=actors, extension=extensions, version=versions, back=st.booleans())
    def withdraw(self, actor: Actor, extension: str, version: str, back: bool) -> None:
        if back:
            self.do(actor, unyank(**self.there, actor=actor, extension=extension, version=version))
        else:
            self.do(actor, yank(**self.there, actor=actor, extension=extension, version=version, reason="a reason"))

    @rule(actor=actors, index=st.integers(0, 1), value=st.integers())
    def keep(self, actor: Actor, index: int, value: int) -> None:
        """An installed extension keeps something in its storage."""

        async def put() -> None:
            install_id = await self.world.install_id(actor.tenant_id, EXTENSIONS[index])
            if install_id is not None:
                await ExtensionStorage(self.db).of(actor.tenant_id, install_id).put("n", Write(key="k", value=value))

        self.do(actor, put())

    @rule(hours=st.integers(1, 40))
    def time_goes_by(self, hours: int) -> None:
        self.runner.run(self.world.let_time_go_by(hours))

    @invariant()
    def all_is_well(self) -> None:
        self.runner.run(self.world.check())


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.migrated
    template = tmp_path / "template"
    template.mkdir()
    asyncio.run(migrate(sqlite_url(template)))
    numbers = itertools.count()

    @contextmanager
    def copy() -> Iterator[str]:
        folder = tmp_path / f"database-{next(numbers)}"
        shutil.copytree(template, folder)
        yield sqlite_url(folder)
        shutil.rmtree(folder)

    return copy


def test_any_order_of_changes_keeps_every_tenants_bundles_rows_and_secrets_right(fresh: Fresh, tmp_path: Path) -> None:
    machine = type("Machine", (Lifecycle,), {"fresh": staticmethod(fresh), "folder": tmp_path, "numbers": itertools.count()})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
