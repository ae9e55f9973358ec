"""`holdfast migrate`, `tenants`, `users` and `keys api`: the commands about records."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_runner import Done
from tests.records.postgres import OWNER, PASSWORD, PostgresServer

Command = Callable[..., Done]
DATA = ("--data-dir", "data")
ADA = "ada@example.com"


@pytest.fixture
def run_json(command: Command) -> Callable[..., Any]:
    """`run_json(*arguments)` runs a command that must succeed, and returns its JSON."""

    def run(*arguments: str, **variables: str) -> Any:
        done = command(*arguments, *DATA, "--json", **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


RunJson = Callable[..., Any]


def error_code(done: Done) -> str:
    """The error code that a failed command prints."""
    assert done.returncode == 1
    return str(json.loads(done.stdout)["error"])


def test_migrate_reports_the_revisions_before_and_after(command: Command, run_json: RunJson) -> None:
    first = run_json("migrate")
    assert first["before"] is None and first["database"].endswith("/data/holdfast.db")
    assert run_json("migrate") == first | {"before": first["after"]}
    again = command("migrate", *DATA)
    assert again.stdout == f"{first['database']} is already at revision {first['after']}\n"


def test_migrate_works_on_postgres_and_does_not_show_its_password(command: Command, postgres: PostgresServer) -> None:
    with postgres.empty() as url:
        done = command("migrate", DATABASE_URL=url)
        assert done.stdout.startswith("Created the tables of revision ")
        assert f" in postgresql://{OWNER}@127.0.0.1:" in done.stdout and PASSWORD not in done.stdout + done.stderr
        assert postgres.psql(url, "SELECT count(*) FROM tenants") == "0"


def test_a_new_tenant_has_its_own_users(command: Command, run_json: RunJson) -> None:
    tenant = run_json("tenants", "new", "Third [1]")["tenant"]
    assert (tenant["name"], tenant["users"]) == ("Third [1]", 0)
    created = run_json("users", "new", ADA, "--admin", "--tenant", tenant["tenant_id"])
    assert created["user"]["is_admin"] and len(created["password"]) == 16
    assert [one["email"] for one in run_json("users", "list", ALGA_TENANT_ID=tenant["tenant_id"])["users"]] == [ADA]
    assert [one["email"] for one in run_json("users", "list")["users"]] == ["admin@holdfast.localhost"]
    assert {(one["name"], one["users"]) for one in run_json("tenants", "list")["tenants"]} == {("Development", 1), ("Third [1]", 1)}
    assert "Third [1]" in command("tenants", "list", *DATA).stdout


@pytest.mark.parametrize("tenant", ["third", "33333333-3333-4333-8333-333333333333"])
def test_an_unknown_tenant_is_named_in_the_error(command: Command, tenant: str) -> None:
    done = command("users", "list", "--tenant", tenant, "--json", *DATA)
    assert error_code(done) == "tenant_unknown" and tenant in done.stderr


def test_a_password_from_a_file_is_not_shown(command: Command, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse battery\nanother line\n")
    for arguments in (("users", "new", ADA), ("users", "password", ADA)):
        done = command(*arguments, "--password-file", "password", "--json", *DATA)
        assert done.returncode == 0 and "password" not in json.loads(done.stdout)
        assert "correct horse" not in done.stdout + done.stderr


@pytest.mark.parametrize(("text", "code"), [("short", "invalid_account"), (None, "key_file_unusable")])
def test_an_unusable_password_creates_no_user(command: Command, run_json: RunJson, tmp_path: Path, text: str | None, code: str) -> None:
    if text is not None:
        (tmp_path / "password").write_text(text)
    assert error_code(command("users", "new", ADA, "--password-file", "password", "--json", *DATA)) == code
    assert len(run_json("users", "list")["users"]) == 1


def test_a_password_is_never_an_argument(command: Command) -> None:
    assert command("users", "new", ADA, "--password", "correct horse battery", *DATA).returncode == 2
    assert command("users", "password", ADA, "correct horse battery", *DATA).returncode == 2


def test_a_generated_password_is_shown_once_and_differs_each_time(command: Command) -> None:
    created = command("users", "new", ADA, *DATA)
    changed = command("users", "password", ADA, *DATA)
    passwords = [done.stdout.splitlines()[1].split() for done in (created, changed)]
    assert [words[0] for words in passwords] == ["password", "password"] and passwords[0] != passwords[1]
    listed = command("users", "list", *DATA)
    assert passwords[1][1] not in listed.stdout + listed.stderr


def test_a_user_of_a_client_is_listed_with_the_client(command: Command, run_json: RunJson) -> None:
    created = run_json("users", "new", ADA, "--client", "Emerald City")["user"]
    assert (created["user_type"], created["client_name"]) == ("client", "Emerald City")
    assert "client Emerald City" in command("users", "list", *DATA).stdout
    assert error_code(command("users", "new", "b@example.com", "--client", "Emerald City", "--admin", "--json", *DATA)) == "invalid_account"


def test_a_user_is_deactivated_activated_and_signed_out(run_json: RunJson) -> None:
    run_json("users", "new", ADA)
    for step, inactive in (("deactivate", True), ("activate", False)):
        assert run_json("users", step, ADA) == {"email": ADA, "is_inactive": inactive}
        assert {one["email"]: one["is_inactive"] for one in run_json("users", "list")["users"]}[ADA] is inactive
    assert run_json("users", "sign-out", ADA) == {"email": ADA}


@pytest.mark.parametrize("step", ["deactivate", "activate", "sign-out", "password"])
def test_an_unknown_user_is_rejected(command: Command, step: str) -> None:
    assert error_code(command("users", step, "unknown@example.com", "--json", *DATA)) == "user_unknown"


@pytest.mark.parametrize("step", ["deactivate", "password"])
def test_the_account_of_the_data_folder_cannot_be_changed(command: Command, run_json: RunJson, step: str) -> None:
    run_json("migrate")
    for name in ("admin@holdfast.localhost", run_json("users", "list")["users"][0]["user_id"]):
        done = command("users", step, name, "--json", *DATA)
        assert error_code(done) == "development_account_fixed" and "credentials.json" in done.stderr


def test_an_api_key_is_shown_once_listed_by_its_prefix_and_revoked(command: Command, run_json: RunJson) -> None:
    created = run_json(
        "keys", "api", "new", "--scope", "extension:read", "--scope", "user:read", "--description", "for [tests]", "--expires", "2999-12-31"
    )
    key, shown = created["api_key"], created["key"]
    assert (shown["email"], shown["scopes"]) == ("admin@holdfast.localhost", ["extension:read", "user:read"])
    assert shown["expires_at"] == "2999-12-31T00:00:00Z" and key.startswith(shown["prefix"])
    listed = command("keys", "api", "list", *DATA)
    assert shown["prefix"] in listed.stdout and "for [tests]" in listed.stdout and key not in listed.stdout
    revoked = run_json("keys", "api", "revoke", f"{shown['prefix']}…")["key"]
    assert (revoked["api_key_id"], revoked["state"]) == (shown["api_key_id"], "revoked")
    states = {one["api_key_id"]: one["state"] for one in run_json("keys", "api", "list")["keys"]}
    assert states.pop(shown["api_key_id"]) == "revoked" and set(states.values()) == {"active"}


def test_only_the_key_goes_to_stdout(command: Command) -> None:
    done = command("keys", "api", "new", *DATA)
    assert done.stdout.startswith("hf_") and len(done.stdout.split()) == 1
    assert "shown only once" in done.stderr and done.stdout.strip() not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("new", "--scope", "everything"), "invalid_scopes"),
        (("new", "--expires", "2020-01-01"), "invalid_api_key"),
        (("new", "--user", "unknown@example.com"), "user_unknown"),
        (("revoke", "hf_0123456"), "api_key_unknown"),
    ],
)
def test_an_invalid_api_key_request_is_rejected(command: Command, arguments: tuple[str, ...], code: str) -> None:
    assert error_code(command("keys", "api", *arguments, "--json", *DATA)) == code


def test_a_key_of_another_tenant_needs_a_user(command: Command, run_json: RunJson) -> None:
    tenant = run_json("tenants", "new", "Third")["tenant"]["tenant_id"]
    assert error_code(command("keys", "api", "new", "--tenant", tenant, "--json", *DATA)) == "user_unknown"
    run_json("users", "new", ADA, "--tenant", tenant)
    assert run_json("keys", "api", "new", "--user", ADA, "--tenant", tenant)["key"]["email"] == ADA
    assert error_code(command("keys", "api", "new", "--user", ADA, "--json", *DATA)) == "user_unknown"
