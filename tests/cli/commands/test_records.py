"""`holdfast records`: import, export and list, on a data folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command_runner import Done

Command = Callable[..., Done]
DATA = ("--data-dir", "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_a_table_is_imported_listed_and_exported(command: Command, folder: Path) -> None:
    table = folder / "clients.csv"
    table.write_text("client_name,default_currency_code\nAcme,EUR\nBeta,\n")
    assert command("records", "import", "clients", str(table), "--dry-run", *DATA).stdout == (
        "Would import clients: 2 created, 0 changed, 0 unchanged\n"
    )
    assert command("records", "import", "clients", str(table), *DATA).stdout == "Imported clients: 2 created, 0 changed, 0 unchanged\n"
    listed = command("records", "list", "clients", *DATA).stdout.splitlines()
    assert listed[0].startswith("CLIENT NAME  CLIENT TYPE  DEFAULT CURRENCY CODE")
    assert [line.split()[0] for line in listed[1:]] == ["Acme", "Beta"]
    exported = folder / "out.json"
    assert command("records", "export", "clients", "--output", str(exported), *DATA).returncode == 0
    assert sorted(row["client_name"] for row in json.loads(exported.read_text())) == ["Acme", "Beta"]
    again = command("records", "import", "clients", str(exported), "--json", *DATA)
    assert json.loads(again.stdout) == {"created": 0, "updated": 0, "unchanged": 2, "dryRun": False}


def test_every_error_is_printed_with_its_place(command: Command, folder: Path) -> None:
    table = folder / "services.csv"
    table.write_text("service_name,default_rate\nWork,x\n,1\n")
    done = command("records", "import", "services", str(table), *DATA)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-3:] == [
        f"{table}:2: default_rate: must be a number",
        f"{table}:3: service_name: is required",
        "2 values are not valid; nothing was imported. Correct them and import again.",
    ]
    missing = command("records", "import", "services", "missing.csv", *DATA)
    assert missing.returncode == 1
    assert missing.stderr.splitlines()[-1] == "Cannot read missing.csv: No such file or directory. Check the path."
