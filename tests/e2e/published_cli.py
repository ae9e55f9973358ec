"""The published npm package `@alga-psa/cli`, at a pinned version, run as its users do."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from holdfast.author.tools.toolchain import Toolchain
from tests.cli.command_runner import clean_environment
from tests.waiting import MAX_WAIT_SECONDS

SOURCE = Path(__file__).parent / "alga_cli"
FILES = ("package.json", "package-lock.json")


class PublishedCli(NamedTuple):
    """Where the program is, and the server, key and tenant that its environment names."""

    program: Path
    server: str
    api_key: str
    tenant: str

    def run(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs one command to its end."""
        settings = {"ALGA_API_BASE_URL": self.server, "ALGA_API_KEY": self.api_key, "ALGA_TENANT_ID": self.tenant} | variables
        command = ["node", str(self.program), *map(str, arguments)]
        # It unpacks what it publishes into the temporary folder and never removes it.
        with tempfile.TemporaryDirectory() as temporary:
            environment = clean_environment(**settings, TMPDIR=temporary)
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)


def install() -> Path:
    """The path of the program, installed once from its lock file into the folder of toolchains."""
    key = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in FILES)).hexdigest()[:20]
    root = Toolchain().root
    folder = root / f"alga-cli-{key}"
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _install(root, folder)
    return folder / "node_modules" / ".bin" / "alga"


def installed_package(name: str) -> Path:
    """The folder of a published package that the lock file names."""
    return install().parent.parent / name


def _install(root: Path, folder: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=root))
    try:
        for name in FILES:
            shutil.copyfile(SOURCE / name, staging / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(
            command, cwd=staging, env=dict(os.environ), capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
