"""What the guide has its readers start, and what they do with it by hand."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx2
from obstore.store import S3Store

from tests.cli.command_runner import Platform, run
from tests.e2e.running_platform import RunningPlatform
from tests.events.recording_server import free_port
from tests.events.redis_process import RedisProcess
from tests.records.postgres import PostgresServer
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS


class RunnerProcess:
    """`holdfast runner` on a port of its own, for the length of the block. It can be stopped and started again."""

    token = "local-runner-key"

    def __init__(self, folder: Path) -> None:
        """`folder` holds .env.runner; the data and the log are in folders of their own."""
        self.port = free_port()
        self._folder = folder / "runner"
        self._folder.mkdir()
        shutil.copyfile(folder / ".env.runner", self._folder / ".env.runner")
        self._process = ExitStack()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, **variables: str) -> None:
        """Starts it and waits until it listens."""
        settings = {"RUNNER_SERVICE_TOKEN": self.token} | variables
        self._process.enter_context(runner_process(self._folder, "--port", str(self.port), **settings))

    def stop(self) -> None:
        """Stops it and waits for its end."""
        self._process.close()

    def log(self) -> str:
        """Everything that the last start logged so far."""
        return (self._folder / "runner.log").read_text()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()


class Bundle(NamedTuple):
    """An archive and its SHA-256 in hex."""

    path: Path
    digest: str


def tar_bundle(project: Path) -> Bundle:
    """Packs a project with the commands of the guide: `tar --zstd` and a SHA-256 of the result."""
    members = [name for name in ("manifest.json", "ui/", "dist/") if (project / name).exists()]
    path = project.parent / f"{project.name}-bundle.tar.zst"
    subprocess.run(["tar", "--zstd", "-cf", path, *members], cwd=project, check=True, timeout=MAX_WAIT_SECONDS)
    return Bundle(path, hashlib.sha256(path.read_bytes()).hexdigest())


def bundle_path(tenant: str, extension: str, digest: str) -> str:
    """Where the guide has a bundle uploaded, below the bucket or folder."""
    return f"tenants/{tenant}/extensions/{extension}/sha256/{digest}/bundle.tar.zst"


class GuideSetup(NamedTuple):
    """The processes that run, and their addresses."""

    platform: RunningPlatform
    process: Platform
    runner: RunnerProcess
    redis: RedisProcess
    postgres: PostgresServer
    bucket: str
    """The URL of the bucket, without a slash at its end."""
    port: int
    """The port of the platform, which PORT names."""

    def install(self, project: Path, *options: str) -> dict[str, Any]:
        """Installs a project and returns what `holdfast install --json` prints."""
        done = self.command("install", project, "--json", *options)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def command(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a command on the platform's data folder, with more variables than the platform has."""
        both = self.platform.variables | variables
        return run(*arguments, "--data-dir", self.platform.data_dir, cwd=self.platform.folder, **both)

    def psql(self, statement: str) -> str:
        """What `psql` prints for a statement on the platform's database."""
        return self.postgres.psql(self.platform.variables["DATABASE_URL"], statement)

    def upload(self, bundle: Bundle, extension: str) -> None:
        """Uploads a bundle for the development tenant, as `mc cp` does."""
        self.objects().put(bundle_path(self.platform.tenant, extension, bundle.digest), bundle.path)

    def objects(self) -> S3Store:
        """The bucket, as a client with its keys sees it."""
        server, _, name = self.bucket.rpartition("/")
        return S3Store(
            name,
            endpoint=server,
            client_options={"allow_http": True},
            access_key_id="minioadmin",
            secret_access_key="minioadmin",
            region="us-east-1",
        )

    def page(self, extension: str, digest: str, path: str = "index.html") -> httpx2.Response:
        """A file of a page, through the gateway, as the frame requests it."""
        with self.platform.client() as client:
            return client.get(f"/runner/ext-ui/{extension}/sha256:{digest}/{path}", params={"tenant": self.platform.tenant})
