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
def told(command: Command) -> Callable[..., Any]:
    """`told(*arguments)` runs a command that succeeds and gives its JSON."""

    def run(*arguments: str, **variables: str) -> Any:
        done = command(*arguments, *DATA, "--json", **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


Told = Callable[..., Any]


def refusal(done: Done) -> str:
    """The code that a refused command tells."""
    assert done.returncode == 1
    return str(json.loads(done.stdout)["error"])


def test_migrate_says_from_which_revision_to_which(command: Command, told: Told) -> None:
    first = told("migrate")
    assert first["before"] is None and first["database"].endswith("/data/holdfast.db")
    assert told("migrate") == first | {"before": first["after"]}
    again = command("migrate", *DATA)
    assert again.stdout == f"{first['database']} is already at revision {first['after']}\n"


def test_migrate_works_on_postgres_and_does_not_show_its_password(command: Command, postgres: PostgresServer) -> None:
    with postgres.empty() as url:
        done = command("migrate", DATABASE_URL=url)
        assert done.stdout.startswith("Created the tables of revision ")
        assert f" in postgresql://{OWNER}@127.0.0.1:" in done.stdout and PASSWORD not in done.stdout + done.stderr
        assert postgres.psql(url, "SELECT count(*) FROM tenants") == "0"


def test_a_tenant_is_made_and_its_people_are_its_own(command: Command, told: Told) -> None:
    tenant = told("tenants", "new", "Third [1]")["tenant"]
    assert (tenant["name"], tenant["users"]) == ("Third [1]", 0)
    made = told("users", "new", ADA, "--admin", "--tenant", tenant["tenant_id"])
    assert made["user"]["is_admin"] and len(made["password"]) == 16
    assert [one["email"] for one in told("users", "list", ALGA_TENANT_ID=tenant["tenant_id"])["users"]] == [ADA]
    assert [one["email"] for one in told("users", "list")["users"]] == ["admin@holdfast.localhost"]
    assert {(one["name"], one["users"]) for one in told("tenants", "list")["tenants"]} == {("Development", 1), ("Third [1]", 1)}
    assert "Third [1]" in command("tenants", "list", *DATA).stdout


@pytest.mark.parametrize("tenant", ["third", "33333333-3333-4333-8333-333333333333"])
def test_a_tenant_that_is_not_there_is_named(command: Command, tenant: str) -> None:
    done = command("users", "list", "--tenant", tenant, "--json", *DATA)
    assert refusal(done) == "tenant_unknown" and tenant in done.stderr


def test_a_password_from_a_file_is_not_shown(command: Command, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse battery\nanother line\n")
    for arguments in (("users", "new", ADA), ("users", "password", ADA)):
        done = command(*arguments, "--password-file", "password", "--json", *DATA)
        assert done.returncode == 0 and "password" not in json.loads(done.stdout)
        assert "correct horse" not in done.stdout + done.stderr


@pytest.mark.parametrize(("text", "code"), [("short", "invalid_account"), (None, "key_file_unusable")])
def test_a_password_that_cannot_be_used_makes_no_user(command: Command, told: Told, tmp_path: Path, text: str | None, code: str) -> None:
    if text is not None:
        (tmp_path / "password").write_text(text)
    assert refusal(command("users", "new", ADA, "--password-file", "password", "--json", *DATA)) == code
    assert len(told("users", "list")["users"]) == 1


def test_a_password_is_never_an_argument(command: Command) -> None:
    assert command("users", "new", ADA, "--password", "correct horse battery", *DATA).returncode == 2
    assert command("users", "password", ADA, "correct horse battery", *DATA).returncode == 2


def test_a_made_up_password_is_shown_once_and_is_another_each_time(command: Command) -> None:
    made = command("users", "new", ADA, *DATA)
    changed = command("users", "password", ADA, *DATA)
    passwords = [done.stdout.splitlines()[1].split() for done in (made, changed)]
    assert [words[0] for words in passwords] == ["password", "password"] and passwords[0] != passwords[1]
    listed = command("users", "list", *DATA)
    assert passwords[1][1] not in listed.stdout + listed.stderr


def test_a_user_of_a_client_is_told_apart(command: Command, told: Told) -> None:
    made = told("users", "new", ADA, "--client", "Emerald City")["user"]
    assert (made["user_type"], made["client_name"]) == ("client", "Emerald City")
    assert "client Emerald City" in command("users", "list", *DATA).stdout
    assert refusal(command("users", "new", "b@example.com", "--client", "Emerald City", "--admin", "--json", *DATA)) == "invalid_account"


def test_a_user_is_shut_out_let_in_and_signed_out(told: Told) -> None:
    told("users", "new", ADA)
    for step, inactive in (("deactivate", True), ("activate", False)):
        assert told("users", step, ADA) == {"email": ADA, "is_inactive": inactive}
        assert {one["email"]: one["is_inactive"] for one in told("users", "list")["users"]}[ADA] is inactive
    assert told("users", "sign-out", ADA) == {"email": ADA}


@pytest.mark.parametrize("step", ["deactivate", "activate", "sign-out", "password"])
def test_somebody_who_is_not_there_is_not_changed(command: Command, step: str) -> None:
    assert refusal(command("users", step, "nobody@example.com", "--json", *DATA)) == "user_unknown"


@pytest.mark.parametrize("step", ["deactivate", "password"])
def test_the_account_of_the_data_folder_stays_as_its_file_says(command: Command, told: Told, step: str) -> None:
    told("migrate")
    for name in ("admin@holdfast.localhost", told("users", "list")["users"][0]["user_id"]):
        done = command("users", step, name, "--json", *DATA)
        assert refusal(done) == "development_account_fixed" and "credentials.json" in done.stderr


def test_an_api_key_is_shown_once_listed_by_its_beginning_and_revoked(command: Command, told: Told) -> None:
    made = told(
        "keys", "api", "new", "--scope", "extension:read", "--scope", "user:read", "--description", "for [tests]", "--expires", "2999-12-31"
    )
    key, shown = made["api_key"], made["key"]
    assert (shown["email"], shown["scopes"]) == ("admin@holdfast.localhost", ["extension:read", "user:read"])
    assert shown["expires_at"] == "2999-12-31T00:00:00Z" and key.startswith(shown["prefix"])
    listed = command("keys", "api", "list", *DATA)
    assert shown["prefix"] in listed.stdout and "for [tests]" in listed.stdout and key not in listed.stdout
    revoked = told("keys", "api", "revoke", f"{shown['prefix']}…")["key"]
    assert (revoked["api_key_id"], revoked["state"]) == (shown["api_key_id"], "revoked")
    states = {one["api_key_id"]: one["state"] for one in told("keys", "api", "list")["keys"]}
    assert states.pop(shown["api_key_id"]) == "revoked" and set(states.values()) == {"active"}


def test_the_key_alone_goes_to_stdout(command: Command) -> None:
    done = command("keys", "api", "new", *DATA)
    assert done.stdout.startswith("hf_") and len(done.stdout.split()) == 1
    assert "shown only once" in done.stderr and done.stdout.strip() not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("new", "--scope", "everything"), "invalid_scopes"),
        (("new", "--expires", "2020-01-01"), "invalid_api_key"),
        (("new", "--user", "nobody@example.com"), "user_unknown"),
        (("revoke", "hf_0123456"), "api_key_unknown"),
    ],
)
def test_a_key_that_cannot_be_is_refused(command: Command, arguments: tuple[str, ...], code: str) -> None:
    assert refusal(command("keys", "api", *arguments, "--json", *DATA)) == code


def test_in_another_tenant_a_key_needs_to_be_told_whom_it_acts_as(command: Command, told: Told) -> None:
    tenant = told("tenants", "new", "Third")["tenant"]["tenant_id"]
    assert refusal(command("keys", "api", "new", "--tenant", tenant, "--json", *DATA)) == "user_unknown"
    told("users", "new", ADA, "--tenant", tenant)
    assert told("keys", "api", "new", "--user", ADA, "--tenant", tenant)["key"]["email"] == ADA
    assert refusal(command("keys", "api", "new", "--user", ADA, "--json", *DATA)) == "user_unknown"
