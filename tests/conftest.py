"""What tests of all rooms share: built extensions, made once and kept under build/, and databases of both kinds."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast.author.build import build
from holdfast.author.toolchain import Toolchain
from holdfast.bundles.archive.packing import pack
from tests.records.databases import KINDS, migrated_sqlite
from tests.records.postgres import PostgresServer, postgres_server
from tests.waiting import MAX_WAIT_SECONDS

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "build" / "test-extensions"
_BUILT = ("dist", "node_modules", "__pycache__", ".holdfast")


def _source(name: str) -> Path:
    for folder in (ROOT / "tests" / "extensions", ROOT / "examples"):
        if (folder / name / "manifest.json").is_file():
            return folder / name
    raise LookupError(f"there is no extension {name} in tests/extensions or examples")


def _refresh(source: Path, copy: Path) -> None:
    """Makes the copy's sources those of the project; what was built stays, and the build's own record decides whether it is current."""
    for old in copy.iterdir() if copy.is_dir() else ():
        if old.name not in _BUILT:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_BUILT))


def _assemble(project: Path) -> None:
    """Extensions that no SDK would make are written as component text."""
    (project / "dist").mkdir(exist_ok=True)
    tool = Path(sys.executable).parent / "wasm-tools"
    subprocess.run([tool, "parse", project / "main.wat", "-o", project / "dist" / "main.wasm"], check=True, timeout=MAX_WAIT_SECONDS)


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The toolchain of all test builds, the one that `make setup` installs."""
    return Toolchain()


@pytest.fixture(scope="session")
def built(toolchain: Toolchain) -> Callable[[str], Path]:
    """`built(name)` answers the folder of the built project. Not to be changed: copy it first."""
    done: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in done:
            source, copy = _source(name), KEPT / name
            KEPT.mkdir(parents=True, exist_ok=True)
            with (KEPT / f"{name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                _refresh(source, copy)
                if (copy / "main.wat").is_file():
                    _assemble(copy)
                else:
                    # Tests call this from inside their own event loop, so the build gets a thread with one of its own.
                    with ThreadPoolExecutor(max_workers=1) as pool:
                        pool.submit(lambda: asyncio.run(build(copy, toolchain=toolchain))).result()
            done[name] = copy
        return done[name]

    return make


@pytest.fixture(scope="session")
def bundle(built: Callable[[str], Path]) -> Callable[[str], Path]:
    """`bundle(name)` answers the path of the packed archive of the built project."""
    return lambda name: pack(built(name)).path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started for the first test that needs one."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, with every table and no row."""
    if request.param == "sqlite":
        yield migrated_sqlite(tmp_path)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.migrated() as url:
        yield url
