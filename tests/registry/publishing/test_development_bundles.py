"""What `holdfast dev` makes is installed in development only, and never published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.lifecycle.dev_install import install_archive
from tests.bundles.archives import bundle
from tests.error_codes import rejected
from tests.registry.collaborators import collaborators
from tests.registry.extensions import WASM, manifest
from tests.registry.publisher import ADA, Publisher


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


@pytest.fixture(params=["development/handler.js", "development/handler.json", "Development/anything"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    files = {"manifest.json": json.dumps(manifest()).encode(), "dist/main.wasm": WASM, request.param: b"code"}
    return bundle(tmp_path / "development.tar.zst", files)


async def test_it_is_not_published(publisher: Publisher, archive: Path) -> None:
    with rejected("development_component_refused", "holdfast dev"):
        await publisher.publish(archive)
    assert await publisher.rows() == {} and publisher.objects() == [] and publisher.checked == []


async def test_it_is_installed_in_development_only(publisher: Publisher, archive: Path) -> None:
    using = collaborators(publisher.db, publisher.store)
    with rejected("development_component_refused", "holdfast dev"):
        await install_archive(using, archive, actor=ADA, check_component=None, mutable_versions=False)
    assert await publisher.rows() == {} and publisher.objects() == []
    installed = await install_archive(using, archive, actor=ADA, check_component=None, mutable_versions=True)
    assert installed.version == "1.0.0"
