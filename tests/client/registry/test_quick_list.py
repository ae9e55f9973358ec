"""The quick list of installs: equal to the registry's list, and left to the registry wherever that has more to do."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from holdfast.bundles.archive.packing import pack
from holdfast.client.progress import NoProgress
from holdfast.client.registry.local import LocalRegistry, open_local
from holdfast.client.registry.quick_list import open_quick_list
from holdfast.registry import migrations
from holdfast.registry.migrations.newest import newest_revision
from holdfast.settings import Settings
from tests.cli.command_runner import write_extension

OTHER_TENANT = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path / "data")


@pytest.fixture
async def registry(settings: Settings, tmp_path: Path) -> AsyncIterator[LocalRegistry]:
    """The registry of a data folder with two installs, one of which is disabled."""
    async with open_local(settings, None) as opened:
        for name, hooks in (("com.example.zebra", {"appMenu": {"label": "Zebra"}}), ("com.example.apple", {})):
            project = write_extension(tmp_path / name, name=name, ui={"type": "iframe", "entry": "ui/index.html", "hooks": hooks})
            await opened.install_archive(pack(project).path, signature=None, progress=NoProgress())
        await opened.set_enabled("com.example.apple", enabled=False)
        yield opened


async def test_the_quick_list_equals_the_list_of_the_registry(settings: Settings, registry: LocalRegistry) -> None:
    quick = open_quick_list(settings, None)
    assert quick is not None
    assert await quick.installs() == await registry.installs()
    assert [(one.name, one.is_enabled, one.app_menu_label) for one in await quick.installs()] == [
        ("com.example.apple", False, None),
        ("com.example.zebra", True, "Zebra"),
    ]
    assert quick.page_of("id") == registry.page_of("id")


async def test_the_registry_lists_when_the_quick_list_cannot(settings: Settings, registry: LocalRegistry) -> None:
    assert open_quick_list(settings, OTHER_TENANT) is None
    assert open_quick_list(settings.replaced(database_url="sqlite:///elsewhere.db"), None) is None
    assert open_quick_list(settings.replaced(data_dir=settings.data_dir / "absent"), None) is None
    with closing(sqlite3.connect(settings.data_dir / "holdfast.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    assert open_quick_list(settings, None) is None


async def test_without_credentials_the_registry_creates_them(settings: Settings, registry: LocalRegistry) -> None:
    (settings.data_dir / "credentials.json").unlink()
    assert open_quick_list(settings, None) is None


def test_a_file_that_is_not_a_database_is_not_read_by_the_quick_list(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "holdfast.db").write_bytes(b"not a database" * 100)
    (settings.data_dir / "credentials.json").write_text("{}")
    assert open_quick_list(settings, None) is None


def test_the_newest_revision_is_the_head_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()
