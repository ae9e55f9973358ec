"""New projects, as `holdfast new` makes them: with their npm packages, built, and cached like the other extensions of the tests."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from holdfast.author.building.build import build
from holdfast.author.scaffold.create import create_project
from holdfast.author.scaffold.names import name_project
from holdfast.author.scaffold.templates import find_template
from holdfast.author.tools.toolchain import Toolchain
from tests.conftest import CACHE, copy_sources
from tests.waiting import MAX_WAIT_SECONDS

INSTALL = ("npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def scaffold(template: str, toolchain: Toolchain) -> Path:
    """The folder of a project of this template, called `new-TEMPLATE`, of the publisher Example. Copy it before you change it."""
    copy = CACHE / f"new-{template}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{copy.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Tests may call this from inside an event loop of their own.
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(lambda: asyncio.run(_create(template, copy, toolchain))).result()
    return copy


async def _create(template: str, copy: Path, toolchain: Toolchain) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        names = name_project(copy.name, parent=Path(scratch))
        await create_project(names, find_template(template), toolchain)
        copy_sources(names.folder, copy)
    _install_packages(copy)
    await build(copy, toolchain=toolchain)


def _install_packages(project: Path) -> None:
    """Installs what the lock file names, unless it is installed."""
    key = hashlib.sha256((project / "package-lock.json").read_bytes()).hexdigest()
    installed = project / "node_modules" / ".installed-from"
    if not installed.is_file() or installed.read_text() != key:
        shutil.rmtree(project / "node_modules", ignore_errors=True)
        done = subprocess.run(INSTALL, cwd=project, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        installed.write_text(key)
