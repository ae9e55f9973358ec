"""A PostgreSQL server of the tests' own, and databases on it that are copied from a migrated one."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from holdfast.registry.migrate import migrate
from tests.events.recording_server import free_port
from tests.waiting import MAX_WAIT_SECONDS

OWNER = "holdfast"
PASSWORD = "the-password-of-the-tests"
"""In every address of the server, although it needs none: tests show that no output contains it."""

# Losing data in a crash does not matter here; the time of a test does.
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "128MB",
    "autovacuum": "off",
    "shared_buffers": "32MB",
}
_CLUSTER = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
_FOLDER = "holdfast-postgres-"
_MIN_FREE_MEMORY = 1024**3


class PostgresServer:
    """A running server. Its databases are empty, or copies of a template that is migrated at the first request."""

    def __init__(self, programs: Path, process: _ServerProcess, connection: psycopg.Connection) -> None:
        self.port = process.port
        self._process = process
        self._programs = programs
        self._connection = connection
        self._created = 0
        self._template: str | None = None
        self._finished: list[str] = []

    def stop(self) -> None:
        """Ends the server like a crash: what it confirmed is there after `start`, unless its settings risk that."""
        self._connection.close()
        self._process.stop()

    def start(self) -> None:
        """Starts it again after `stop`, on the same port."""
        self._connection = self._process.start()

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{OWNER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def psql(self, url: str, statement: str) -> str:
        """What `psql` prints for a statement: values alone, or how many rows it changed."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER, "-d", url.rpartition("/")[2]]
        command = [str(self._programs / "psql"), "--no-psqlrc", "-At", *where, "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS).stdout.strip()

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without tables, for the length of the block."""
        with self._database("template0") as name:
            yield self.url(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a database with every table and no row, for the length of the block."""
        if self._template is None:
            template = self._create("template0")
            # In a thread, because a test may call this from inside its own event loop.
            with ThreadPoolExecutor(max_workers=1) as pool:
                pool.submit(lambda: asyncio.run(migrate(self.url(template)))).result()
            self._template = template
        with self._database(self._template) as name:
            yield self.url(name)

    @contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = self._create(template)
        try:
            yield name
        finally:
            self._finished.append(name)

    def _create(self, template: str) -> str:
        self._drop_finished()
        self._created += 1
        name = f"test_{self._created}"
        # Copied by file, which takes a third of the processor time of the copy by block. Before version 15 there is no other way.
        strategy = sql.SQL("STRATEGY FILE_COPY" if self._connection.info.server_version >= 150_000 else "")
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} {}")
        self._connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template), strategy))
        return name

    def _drop_finished(self) -> None:
        # Not as soon as a test ends: the server would wait a tenth of a second for the connections that were just closed.
        while self._finished:
            self._connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self._finished.pop())))


@contextmanager
def postgres_server(settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """A server for the length of the block; it also ends when this process is killed. `settings` replace those of tests."""
    programs = _programs()
    folder = _folder()
    try:
        as_user = _as_ordinary_user(folder)
        made = [str(programs / "initdb"), "-D", "data", "-U", OWNER, *_CLUSTER]
        subprocess.run([*as_user, *made], cwd=folder, check=True, capture_output=True, timeout=MAX_WAIT_SECONDS)
        process = _ServerProcess(folder, [*as_user, "--pdeathsig=QUIT", str(programs / "postgres")], {**_OPTIONS, **(settings or {})})
        try:
            server = PostgresServer(programs, process, process.start())
            try:
                yield server
            finally:
                server.stop()
        finally:
            process.stop()
    finally:
        shutil.rmtree(folder)


class _ServerProcess:
    """The server's process, which can be killed and started again on the same port."""

    def __init__(self, folder: Path, command: list[str], settings: Mapping[str, str]) -> None:
        self.port = free_port()
        self._folder = folder
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._command = [*command, "-D", "data", "-p", str(self.port), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> psycopg.Connection:
        """Starts it and returns a connection; after a kill it recovers first."""
        log = self._folder / "postgres.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(self._command, cwd=self._folder, stdout=output, stderr=output)
        return _connected(self.port, self._process, log)

    def stop(self) -> None:
        """Ends it at once, without a checkpoint and without a word to its clients."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=MAX_WAIT_SECONDS)
            self._process = None


def _folder() -> Path:
    """A folder for a server, in memory where enough is free. Folders of processes that were killed are removed."""
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _MIN_FREE_MEMORY else Path(tempfile.gettempdir())
    for left in parent.glob(f"{_FOLDER}*"):
        if not psutil.pid_exists(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=parent))


def _programs() -> Path:
    """The folder of the newest installed server; Debian keeps one for each version, and none of them on the path."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found:
        raise FileNotFoundError(
            "These tests need a PostgreSQL server, and /usr/lib/postgresql has none. Install one with: apt-get install postgresql. "
            "With HOLDFAST_TEST_DATABASE=sqlite they run on SQLite alone."
        )
    return max(found, key=lambda folder: float(folder.parent.name))


def _as_ordinary_user(folder: Path) -> list[str]:
    """The beginning of a command that runs as a user who may own a server: PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return ["setpriv"]
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


def _connected(port: int, process: subprocess.Popen[bytes], log: Path) -> psycopg.Connection:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while True:
        try:
            return psycopg.connect(host="127.0.0.1", port=port, user=OWNER, dbname="postgres", autocommit=True)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline and process.poll() is None, log.read_text()
            time.sleep(0.01)
