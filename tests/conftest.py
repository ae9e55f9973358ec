"""Fixtures for the tests of all packages: extensions, built once and cached under build/, databases of both kinds, and a browser."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holdfast.author.building.build import build
from holdfast.author.options import BuildOptions, GuestEngine
from holdfast.author.tools.toolchain import Toolchain
from holdfast.bundles.archive.packing import pack
from tests.records.databases import KINDS, migrated_sqlite
from tests.records.postgres import PostgresServer, postgres_server
from tests.waiting import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest_plugins = [
    "tests.session.bytecode",
    "tests.session.effort",
    "tests.session.garbage",
    "tests.session.log_configuration",
    "tests.session.markers",
    "tests.session.order",
    "tests.session.temporary_files",
    "tests.session.user_folders",
]

ROOT = Path(__file__).parent.parent
CACHE = ROOT / "build" / "test-extensions"
_BUILD_OUTPUT = ("dist", "node_modules", "__pycache__", ".holdfast")


def _source(name: str) -> Path:
    for folder in (ROOT / "tests" / "extensions", ROOT / "examples"):
        if (folder / name / "manifest.json").is_file():
            return folder / name
    raise LookupError(f"no extension {name} in tests/extensions or examples")


def copy_sources(source: Path, copy: Path) -> None:
    """Replaces the sources of the copy. Its build output stays, and the record of the build decides whether it is current."""
    for old in copy.iterdir() if copy.is_dir() else ():
        if old.name not in _BUILD_OUTPUT:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_BUILD_OUTPUT))


def _assemble(project: Path) -> None:
    """Extensions that no SDK can produce are written as component text."""
    (project / "dist").mkdir(exist_ok=True)
    tool = Path(sys.executable).parent / "wasm-tools"
    subprocess.run([tool, "parse", project / "main.wat", "-o", project / "dist" / "main.wasm"], check=True, timeout=MAX_WAIT_SECONDS)


def _build(source: Path, copy: Path, toolchain: Toolchain, options: BuildOptions | None = None) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    # The workers of a run share the cache: one builds, the others wait and find it current.
    with copy.with_name(f"{copy.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copy_sources(source, copy)
        if (copy / "main.wat").is_file():
            _assemble(copy)
            return
        # Tests call this from inside their own event loop, so the build gets a thread with a loop of its own.
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(lambda: asyncio.run(build(copy, toolchain=toolchain, options=options))).result()


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The toolchain of all test builds, the one that `make setup` installs."""
    return Toolchain()


@pytest.fixture(scope="session")
def built(toolchain: Toolchain) -> Callable[[str], Path]:
    """`built(name)` returns the folder of the built project. Copy it before you change it."""

    @cache
    def build_once(name: str) -> Path:
        copy = CACHE / name
        _build(_source(name), copy, toolchain)
        return copy

    return build_once


@pytest.fixture(scope="session")
def built_for_development(toolchain: Toolchain) -> Callable[[str], Path]:
    """As `built`, for `holdfast dev`: the outputs are in `dist/development` of a copy of its own."""

    @cache
    def build_once(name: str) -> Path:
        copy = CACHE / "development" / name
        _build(_source(name), copy, toolchain, BuildOptions(development=True))
        return copy

    return build_once


@pytest.fixture(scope="session")
def built_for_starlingmonkey(toolchain: Toolchain) -> Callable[..., Path]:
    """As `built`, for the engine StarlingMonkey; with `development=True` for `holdfast dev`, which is faster."""

    @cache
    def build_once(name: str, *, development: bool = False) -> Path:
        copy = CACHE / ("starlingmonkey-development" if development else "starlingmonkey") / name
        _build(_source(name), copy, toolchain, BuildOptions(engine=GuestEngine.STARLINGMONKEY, development=development))
        return copy

    return build_once


@pytest.fixture(scope="session")
def bundle(built: Callable[[str], Path]) -> Callable[[str], Path]:
    """`bundle(name)` returns the path of the packed archive of the built project."""
    return lambda name: pack(built(name)).path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, one for each worker, started for the first test that needs it."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database with every table and no row. A test that uses it runs on SQLite and on PostgreSQL."""
    with new_database(request.param, request, tmp_path) as url:
        yield url


@contextmanager
def new_database(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The URL of a new database of one of the KINDS, with every table and no row; in `folder` if it is a file."""
    if kind == "sqlite":
        yield migrated_sqlite(folder)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.migrated() as url:
        yield url


# Per module, not longer: while a browser is open, its event loop runs in this thread, and asynchronous tests could not.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    # Imported here, because Playwright needs a fifth of a second and most runs of one file need no browser.
    from tests.chromium import chromium

    with chromium() as opened:
        yield opened
