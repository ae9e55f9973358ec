"""Every command does the same on a data folder, on a running platform and on a server, and prints the same JSON."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App

from holdfast.cli.main import create_app
from holdfast.cli.terminal.options import TargetOptions
from tests.cli.command_runner import Done, Platform, write_extension

NAME = "Example.com.example.sample"
CHANGING = {
    "ttlExpiresAt",
    "createdAt",
    "updatedAt",
    "day",
    "resets_at",
    "published_at",
    "installed_at",
    "updated_at",
    "storage_until",
    "created_at",
}
"""Times of operations: they differ between the two modes."""
OF_THE_KEY = {"id", "key_id", "api_key_id", "user_id", "prefix", "api_key"}
"""Ids of schedules, keys and users: each mode has its own."""
OWN = "Own "
"""How the names of records of this test begin. A platform in development has sample records too."""

Step = tuple[int, tuple[str, ...]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A running platform: the JSON that `holdfast up` prints when it is ready."""
    with Platform(tmp_path_factory.mktemp("server")) as platform:
        yield platform.ready() | {"data_dir": platform.data_dir}


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A running platform that no other test has changed."""
    folder = tmp_path / "new-server"
    folder.mkdir()
    with Platform(folder) as platform:
        yield platform.ready()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Another running platform, which commands find by its data folder."""
    folder = tmp_path / "running"
    folder.mkdir()
    with Platform(folder) as platform:
        yield platform.ready() | {"data_dir": platform.data_dir}


@pytest.fixture
def versions(tmp_path: Path, component: bytes) -> dict[str, Path]:
    """Two versions of an extension; the second requests more rights."""
    asks = {"capabilities": ["cap:http.fetch", "cap:storage.kv"], "egress": ["a.example.com", "b.example.com"]}
    more = {"capabilities": ["cap:client.read", "cap:storage.kv"], "egress": ["c.example.com"]}
    return {
        "1.0.0": write_extension(tmp_path / "first", component=component, version="1.0.0", **asks),
        "1.1.0": write_extension(tmp_path / "second", component=component, version="1.1.0", **more),
        "1.2.0": write_extension(tmp_path / "third", component=component, version="1.2.0", **more),
    }


def _storage_steps(schema: Path) -> list[Step]:
    schema.write_text('{"type": "object", "required": ["a"]}')
    of_schemas = ("storage", "schemas")
    return [
        (0, ("storage", "list", NAME, "notes")),
        (0, ("storage", "put", NAME, "notes", "one", '{"a": [1, "é"]}', "--ttl", "60")),
        (1, ("storage", "put", NAME, "notes", "one", "x", "--if-revision", "0")),
        (1, ("storage", "put", NAME, "notes", "with/slash", "x")),
        (0, ("storage", "put", NAME, "notes", "two words & more", "text")),
        (0, ("storage", "get", NAME, "notes", "one")),
        (1, ("storage", "get", NAME, "notes", "none")),
        (0, ("storage", "list", NAME, "notes", "--prefix", "two")),
        (0, ("storage", "usage", NAME)),
        (0, (*of_schemas, "register", NAME, "notes", "1", str(schema))),
        (0, (*of_schemas, "register", NAME, "notes", "2", str(schema), "--activate")),
        (1, (*of_schemas, "activate", NAME, "notes", "3")),
        (1, ("storage", "put", NAME, "notes", "one", "[]")),
        (0, (*of_schemas, "deprecate", NAME, "notes", "2")),
        (0, (*of_schemas, "list", NAME)),
        (0, ("storage", "delete", NAME, "notes", "one")),
        (0, ("storage", "delete", NAME, "notes", "one")),
    ]


def _schedule_steps() -> list[Step]:
    create, daily = ("schedules", "create", NAME), (NAME, "Daily")
    return [
        (0, ("schedules", "list")),
        (0, (*create, "GET /ping", "0 9 * * *", "--name", "Daily", "--timezone", "Europe/Berlin", "--disabled")),
        (1, (*create, "/nowhere", "99 9 * * *", "--timezone", "Mars", "--disabled")),
        (1, (*create, "/ping", "0 9 * * *", "--payload", "{")),
        (0, ("schedules", "list", NAME)),
        (0, ("schedules", "list")),
        (0, ("schedules", "update", *daily, "--cron", "*/10 * * * *", "--payload", '{"camelCase": [1]}')),
        (1, ("schedules", "update", *daily)),
        (0, ("schedules", "enable", *daily)),
        (0, ("schedules", "disable", *daily)),
        (0, ("schedules", "show", *daily)),
        (1, ("schedules", "show", NAME, "Nightly")),
        (1, ("schedules", "run", NAME, "Nightly")),
        (0, ("schedules", "history", NAME)),
        (0, ("schedules", "history", *daily, "--limit", "1")),
        (1, ("schedules", "history", *daily, "--cursor", "x")),
        (0, ("schedules", "delete", *daily)),
        (0, ("schedules", "list", NAME)),
    ]


def steps(versions: dict[str, Path], secret: Path) -> list[Step]:
    """Commands in the lifecycle of an extension, each with its exit code."""
    ada = "ada@example.com"
    table = secret.with_name("services.csv")
    table.write_text("service_id,service_name,default_rate\nbbbbbbb1-0000-4000-8000-000000000000,Own work,100\n")
    return [
        (0, ("tenants", "list")),
        (0, ("users", "list")),
        (0, ("users", "new", ada, "--first-name", "Ada", "--password-file", str(secret))),
        (1, ("users", "new", ada, "--password-file", str(secret))),
        (0, ("tenants", "list")),
        (0, ("users", "password", ada, "--password-file", str(secret))),
        (0, ("users", "deactivate", ada)),
        (0, ("users", "list")),
        (0, ("users", "activate", ada)),
        (0, ("users", "sign-out", ada)),
        (1, ("users", "deactivate", "unknown@example.com")),
        (0, ("records", "import", "services", str(table), "--dry-run")),
        (0, ("records", "import", "services", str(table))),
        (1, ("records", "import", "clients", str(table))),
        (0, ("records", "list", "services")),
        (0, ("records", "export", "services")),
        (0, ("keys", "api", "new", "--scope", "extension:read", "--description", "robot", "--expires", "2999-12-31")),
        (1, ("keys", "api", "new", "--scope", "everything")),
        (0, ("keys", "api", "list")),
        (1, ("keys", "api", "revoke", "hf_0000000")),
        (0, ("list",)),
        (0, ("quotas",)),
        (1, ("show", NAME)),
        (1, ("quotas", NAME)),
        (1, ("versions", NAME)),
        (1, ("install", NAME)),
        (0, ("publish", str(versions["1.0.0"]))),
        (1, ("publish", str(versions["1.0.0"]))),
        (0, ("versions", NAME)),
        (1, ("install", f"{NAME}@1.0.0")),
        (1, ("install", f"{NAME}@1.0.0", "--yes", "--only", "client.read")),
        (0, ("install", f"{NAME}@1.0.0", "--yes", "--only", "http.fetch,storage.kv", "--no-egress", "b.example.com")),
        (0, ("list",)),
        (0, ("show", NAME)),
        (0, ("quotas",)),
        (0, ("quotas", NAME)),
        (0, ("quotas", "set", NAME, "--calls", "100", "--egress", "0")),
        (0, ("show", NAME)),
        (0, ("quotas", "set", NAME, "--default")),
        (0, ("events", "list")),
        (0, ("events", "list", NAME, "--status", "dead")),
        (1, ("events", "show", "00000000-0000-4000-8000-000000000000")),
        (1, ("events", "retry", "00000000-0000-4000-8000-000000000000")),
        (1, ("events", "drop", "00000000-0000-4000-8000-000000000000")),
        *_schedule_steps(),
        *_storage_steps(secret.with_name("schema.json")),
        (0, ("grants", "list", NAME)),
        (0, ("grants", "grant", NAME, "--egress", "b.example.com")),
        (1, ("grants", "grant", NAME, "cap:client.read")),
        (0, ("grants", "revoke", NAME, "cap:http.fetch", "--egress", "a.example.com")),
        (0, ("config", "set", NAME, "region=eu", "limit=3", 'nested={"camelCase":[1]}')),
        (0, ("config", "unset", NAME, "limit")),
        (0, ("config", "get", NAME)),
        (0, ("config", "get", NAME, "nested")),
        (1, ("config", "get", NAME, "nothing")),
        (0, ("secrets", "set", NAME, "--from-file", f"token={secret}", "--from-file", f"other={secret}")),
        (0, ("secrets", "list", NAME)),
        (0, ("secrets", "remove", NAME, "other")),
        (0, ("publish", str(versions["1.1.0"]))),
        (1, ("upgrade", NAME)),
        (0, ("grants", "list", NAME)),
        (0, ("upgrade", f"{NAME}@1.1.0", "--yes")),
        (0, ("show", NAME)),
        (0, ("rollback", NAME)),
        (0, ("disable", NAME)),
        (0, ("list",)),
        (0, ("enable", NAME)),
        (0, ("yank", f"{NAME}@1.1.0", "--reason", "broken")),
        (0, ("versions", NAME)),
        (1, ("upgrade", f"{NAME}@1.1.0")),
        (0, ("yank", f"{NAME}@1.1.0", "--undo")),
        (0, ("secrets", "remove", NAME, "--all")),
        (0, ("uninstall", NAME)),
        (1, ("uninstall", NAME)),
        (0, ("install", str(versions["1.2.0"]))),
        (0, ("show", NAME)),
    ]


def test_every_command_prints_the_same_json_in_all_modes(
    command: Callable[..., Done], new_server: dict[str, Any], running: dict[str, Any], versions: dict[str, Path], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a value that is never shown")
    there = {"HOLDFAST_SERVER": new_server["console"], "ALGA_API_KEY": new_server["api_key"], "ALGA_TENANT_ID": new_server["tenant"]}
    for code, arguments in steps(versions, secret):
        here = command(*arguments, "--json", "--data-dir", "local")
        remote = command(*arguments, "--json", **there)
        beside = command(*arguments, "--json", "--data-dir", running["data_dir"])
        assert beside.returncode == code, (arguments, beside)
        assert comparable(beside.stdout, running["console"]) == comparable(here.stdout, "http://localhost:3000"), arguments
        assert here.returncode == code, (arguments, here)
        assert remote.returncode == code, (arguments, remote)
        assert comparable(remote.stdout, new_server["console"]) == comparable(here.stdout, "http://localhost:3000"), arguments
        assert "never shown" not in "".join(done.stdout + done.stderr for done in (here, remote, beside))
        assert new_server["api_key"] not in remote.stdout + remote.stderr


def test_a_read_only_key_sees_everything_of_an_install_except_the_names_of_its_secrets(
    command: Callable[..., Done], server: dict[str, Any], tmp_path: Path
) -> None:
    there = {"HOLDFAST_SERVER": server["console"], "ALGA_API_KEY": server["api_key"]}
    project = write_extension(tmp_path / "read", name="com.example.read")
    assert command("install", project, **there).returncode == 0
    created = command("keys", "api", "new", "--scope", "extension:read", "--json", "--data-dir", server["data_dir"])
    (tmp_path / "key").write_text(json.loads(created.stdout)["api_key"] + "\n")
    shown = command("show", "com.example.read", "--json", "--server", server["console"], "--api-key-file", "key")
    assert shown.returncode == 0 and json.loads(shown.stdout)["secrets"] is None
    assert "Cannot list the names of its secrets" in shown.stderr
    rejected = command("disable", "com.example.read", "--json", "--server", server["console"], "--api-key-file", "key")
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "forbidden")


def test_a_server_revokes_a_key_by_its_prefix_and_creates_keys_only_for_the_caller(
    command: Callable[..., Done], server: dict[str, Any]
) -> None:
    there = {"HOLDFAST_SERVER": server["console"], "ALGA_API_KEY": server["api_key"]}
    created = json.loads(command("keys", "api", "new", "--json", **there).stdout)
    assert (
        json.loads(command("list", "--json", HOLDFAST_SERVER=server["console"], ALGA_API_KEY=created["api_key"]).stdout)["extensions"]
        is not None
    )
    revoked = json.loads(command("keys", "api", "revoke", created["key"]["prefix"], "--json", **there).stdout)["key"]
    assert (revoked["api_key_id"], revoked["state"]) == (created["key"]["api_key_id"], "revoked")
    rejected = command("list", "--json", HOLDFAST_SERVER=server["console"], ALGA_API_KEY=created["api_key"])
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "unauthenticated")
    rejected = command("keys", "api", "new", "--user", "ada@example.com", "--json", **there)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "keys_are_their_own")


def test_a_large_upload_with_an_invalid_key_is_rejected_because_of_the_key(
    command: Callable[..., Done], server: dict[str, Any], tmp_path: Path
) -> None:
    project = write_extension(tmp_path / "large", name="com.example.large")
    (project / "ui" / "noise.bin").write_bytes(os.urandom(20 * 1024 * 1024))
    rejected = command("publish", project, "--json", HOLDFAST_SERVER=server["console"], ALGA_API_KEY="hf_wrong")
    result = json.loads(rejected.stdout)
    assert (rejected.returncode, result["error"]) == (1, "unauthenticated")
    assert result["message"] == f"{server['console']} does not accept the API key."


def test_every_command_that_accepts_a_server_is_tested_above(versions: dict[str, Path], tmp_path: Path) -> None:
    tried = {arguments[0] for _, arguments in steps(versions, tmp_path)}
    tried |= {" ".join(arguments[:count]) for count in (2, 3) for _, arguments in steps(versions, tmp_path)}
    # Both need calls of a running platform: test_logs.py tries them with one, and against it as a server.
    tried |= {"invoke", "logs"}
    app = create_app()
    assert {name for name in _with_target(app) if not name.startswith("extension")} <= tried


def comparable(printed: str, console: str) -> Any:
    """The printed JSON without the fields that differ."""
    (line,) = printed.splitlines()
    return _without(json.loads(line.replace(console, "CONSOLE")))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        sealed = "algorithm" in value  # a summary of secrets: every write creates a new version
        return {
            name: _without(part) for name, part in value.items() if name not in CHANGING | OF_THE_KEY and not (sealed and name == "version")
        }
    if isinstance(value, list):
        return [_without(part) for part in value if not (isinstance(part, dict) and not part.get("service_name", OWN).startswith(OWN))]
    return value


def _with_target(app: App, before: str = "") -> Iterator[str]:
    for name in app:
        if name.startswith("-"):
            continue
        inner = app[name]
        if inner.default_command is not None:
            parameters = inspect.signature(inner.default_command, eval_str=True).parameters.values()
            if any(parameter.annotation is TargetOptions for parameter in parameters):
                yield before + name
        yield from _with_target(inner, f"{before}{name} ")


def test_a_server_in_development_installs_the_same_version_again(
    command: Callable[..., Done], server: dict[str, Any], tmp_path: Path
) -> None:
    there = {"HOLDFAST_SERVER": server["console"], "ALGA_API_KEY": server["api_key"]}
    project = write_extension(tmp_path / "again", name="com.example.again")
    first = json.loads(command("install", project, "--json", **there).stdout)
    (project / "ui" / "index.html").write_text("<!doctype html><title>Changed</title>")
    second = json.loads(command("install", project, "--json", **there).stdout)
    assert first["version_id"] == second["version_id"]
    assert first["content_hash"] != second["content_hash"]
    shown = json.loads(command("show", "com.example.again", "--json", **there).stdout)
    assert shown["content_hash"] == second["content_hash"]
