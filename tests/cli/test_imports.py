"""Commands import only what they use, because imports are most of their start-up time. `bench/command.py` measures the time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_runner import clean_environment, run, write_extension
from tests.waiting import MAX_WAIT_SECONDS

SCRIPT = """
import json, os, sys
from holdfast.cli import main
code = main.run(sys.argv[1:])
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
raise SystemExit(code)
"""

HEAVY = {
    "alembic",
    "aiosqlite",
    "argon2",
    "cryptography",
    "httpx2",
    "jinja2",
    "jsonschema_rs",
    "obstore",
    "psycopg",
    "pydantic",
    "redis",
    "rich.table",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
    "wasmtime",
    "zstandard",
}
OURS_HEAVY = {
    *(f"holdfast.{name}" for name in ("author", "console", "engine", "gateway", "hostcalls", "logs", "runner", "storage")),
    *(f"holdfast.bundles.{name}" for name in ("archive", "cache", "manifest", "store")),
    *("holdfast.bundles.signing.verification", "holdfast.records.database.database", "holdfast.registry.models"),
}

NOT_ON_A_SERVER = (HEAVY | OURS_HEAVY) - {"httpx2", "holdfast.bundles.store"}  # `store.hashing` imports no store

RESPONSES: dict[str, dict[str, Any]] = {
    "/api/v1/extensions": {"extensions": []},
    "/api/v1/extensions/Example.sample/versions": {"versions": []},
    "/api/v1/extensions/Example.sample/secrets": {"keys": ["TOKEN"], "version": None, "algorithm": None, "keyId": None, "expiresAt": None},
    "/api/v1/extensions/Example.sample/config": {"config": {"colour": "red"}},
    "/api/v1/extensions/Example.sample/grants": {"asked": [], "granted": [], "askedEgress": [], "grantedEgress": [], "pending": None},
    "/api/v1/extensions/Example.sample/upgrade": {
        **{"installId": "i", "registryId": "r", "fromVersion": "1.0.0", "version": "1.1.0"},
        **{"granted": [], "egress": [], "disabledSchedules": []},
    },
    "/api/v1/users": {"users": []},
    "/api/v1/tenants": {"tenants": []},
    "/api/v1/schedules": {"installs": []},
    "/api/v1/api-keys": {"apiKeys": []},
}
"""What the server of these tests returns: the imports of a command do not depend on the implementation of its server."""


class Responder(BaseHTTPRequestHandler):
    """Returns the entry of RESPONSES for the path of a request."""

    def do_GET(self) -> None:
        body = json.dumps(RESPONSES[self.path]).encode()
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Writes no access log."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server with the RESPONSES."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Responder) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose data folder has one install. The tests only read it."""
    folder = tmp_path_factory.mktemp("installed")
    # Not the data folder of a platform that a fixture of other tests still runs.
    data = ("--data-dir", folder / ".holdfast")
    assert run("install", write_extension(folder / "pages"), *data, cwd=folder).returncode == 0
    return folder


def imported_by(folder: Path, *arguments: str, **variables: str) -> tuple[str, set[str]]:
    """What a command prints, and the modules that it has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=folder,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=MAX_WAIT_SECONDS,
        check=True,
    )
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_the_root_help_imports_no_library_and_no_command(tmp_path: Path, arguments: list[str]) -> None:
    printed, modules = imported_by(tmp_path, *arguments)
    assert printed.startswith("Usage: holdfast COMMAND")
    assert not modules & (HEAVY | OURS_HEAVY | {"asyncio", "cyclopts", "msgspec", "rich", "uvloop"})
    assert not [name for name in modules if name.startswith("holdfast.cli.commands.")]


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"]])
def test_list_imports_no_database_library_and_no_engine(installed: Path, arguments: list[str]) -> None:
    printed, modules = imported_by(installed, *arguments)
    assert "com.example.sample" in printed
    assert not modules & (HEAVY | OURS_HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["versions", "Example.sample"],
        ["upgrade", "Example.sample"],
        ["config", "get", "Example.sample"],
        ["grants", "list", "Example.sample"],
        ["secrets", "list", "Example.sample"],
        ["schedules", "list"],
        ["users", "list"],
        ["tenants", "list"],
        ["keys", "api", "list"],
    ],
    ids=" ".join,
)
def test_a_command_on_a_server_imports_no_database_and_no_engine(tmp_path: Path, server: str, arguments: list[str]) -> None:
    _, modules = imported_by(tmp_path, *arguments, "--server", server, ALGA_API_KEY="key")
    allowed = {"cryptography"} if arguments[0] == "keys" else set[str]()  # `holdfast keys` also creates signing keys
    assert not (modules & NOT_ON_A_SERVER) - allowed


@pytest.mark.parametrize("arguments", [["users", "list"], ["keys", "api", "list"], ["secrets", "list", "com.example.sample"]], ids=" ".join)
def test_a_local_command_that_compiles_nothing_imports_no_engine_and_no_migrations(installed: Path, arguments: list[str]) -> None:
    _, modules = imported_by(installed, *arguments)
    assert not modules & {"wasmtime", "alembic", "obstore", "starlette", "holdfast.engine", "holdfast.author"}


def test_the_help_of_a_command_imports_only_that_command(tmp_path: Path) -> None:
    _, modules = imported_by(tmp_path, "list", "--help")
    assert [name for name in modules if name.startswith("holdfast.cli.commands.")] == ["holdfast.cli.commands.list_installs"]
    assert not modules & (HEAVY | OURS_HEAVY)
