"""`holdfast keys`: key pairs in the format of minisign, and the state of each key in the trust store."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.bundles.signing.minisign import PublicKey
from holdfast.bundles.signing.minisign_secret import SecretKey, is_password_protected
from tests.bundles.minisign_samples import KEY_ID, PUBLIC_KEY
from tests.cli.command_runner import Done

Command = Callable[..., Done]
DATA = ("--data-dir", "data")


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """A public key that minisign created."""
    path = tmp_path / "acme.pub"
    path.write_bytes(PUBLIC_KEY)
    return path


def states(command: Command) -> list[tuple[str, str]]:
    result = json.loads(command("keys", "list", "--json", *DATA).stdout)
    return [(key["name"], key["state"]) for key in result["keys"]]


def test_a_new_key_pair_is_two_matching_files(command: Command, tmp_path: Path) -> None:
    done = command("keys", "new", "--no-password", "--json", *DATA)
    result = json.loads(done.stdout)
    secret, public = tmp_path / "data/keys/holdfast.key", tmp_path / "data/keys/holdfast.pub"
    assert (tmp_path / result["secret_key"], tmp_path / result["public_key"]) == (secret, public)
    assert (stat.S_IMODE(secret.stat().st_mode), stat.S_IMODE(secret.parent.stat().st_mode)) == (0o600, 0o700)
    key = SecretKey.parse(secret.read_bytes())
    assert PublicKey.parse(public.read_bytes()) == key.public and key.public.key_id == result["id"]
    assert secret.read_text().splitlines()[1] not in done.stdout + done.stderr


def test_a_key_is_never_overwritten(command: Command, tmp_path: Path) -> None:
    make = ("keys", "new", "--no-password", "--name", "acme", "--out", "here")
    assert command(*make).returncode == 0
    before = (tmp_path / "here/acme.key").read_bytes()
    for gone in ("acme.pub", "nothing"):
        (tmp_path / "here" / gone).unlink(missing_ok=True)
        again = command(*make)
        assert again.returncode == 1 and "never overwrites" in again.stderr
    assert (tmp_path / "here/acme.key").read_bytes() == before


def test_a_password_comes_from_a_file_and_is_never_shown(command: Command, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\nanother line\n")
    done = command("keys", "new", "--password-file", "password", "--out", ".")
    written = (tmp_path / "holdfast.key").read_bytes()
    assert is_password_protected(written)
    assert SecretKey.parse(written, "correct horse").public == PublicKey.parse((tmp_path / "holdfast.pub").read_bytes())
    assert "correct" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--no-password"),
        (("--password-file", "absent"), "The file absent does not exist"),
        (("--password-file", "empty"), "empty"),
        (("--no-password", "--name", "../escape"), "--name"),
        (("--no-password", "--out", "empty"), "is not a folder"),
    ],
)
def test_a_key_pair_that_cannot_be_created_is_an_error_and_writes_nothing(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "empty").touch()
    rejected = command("keys", "new", *arguments, *DATA)
    assert rejected.returncode == 1 and words in rejected.stderr, rejected.stderr
    assert not list(tmp_path.rglob("*.key"))


def test_a_key_is_trusted_listed_and_revoked(command: Command, tmp_path: Path, public: Path) -> None:
    trusted = command("keys", "trust", public, "--expires", "2999-01-01", "--publisher", "Acme", "--publisher", "Other", *DATA)
    assert trusted.stdout == f"Trusted acme ({KEY_ID}) in {tmp_path / 'data/trusted-keys.json'}\n"
    listed = command("keys", "list", *DATA).stdout
    assert all(word in listed for word in (KEY_ID, "acme", "trusted", "2999-01-01 00:00+00:00", "Acme, Other"))
    assert states(command) == [("acme", "trusted")]
    revoked = command("keys", "revoke", KEY_ID.lower(), "--reason", "stolen", "--json", *DATA)
    assert json.loads(revoked.stdout)["key"]["reason"] == "stolen"
    assert states(command) == [("acme", "revoked")]
    again = command("keys", "trust", public, *DATA)
    assert again.returncode == 1 and "revoked" in again.stderr


def test_the_trust_store_is_the_file_that_the_variable_names(command: Command, tmp_path: Path, public: Path) -> None:
    assert command("keys", "trust", public, "--name", "Acme Ltd", SIGNING_TRUST_BUNDLE="etc/keys.json").returncode == 0
    assert [key["name"] for key in json.loads((tmp_path / "etc/keys.json").read_text())["keys"]] == ["Acme Ltd"]


def test_an_empty_list_of_keys_prints_how_to_trust_one(command: Command, tmp_path: Path) -> None:
    done = command("keys", "list", *DATA)
    assert (done.returncode, done.stdout) == (0, "") and "holdfast keys trust" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trust", "absent.pub"), "The file absent.pub does not exist"),
        (("trust", "not-a-key"), "not a public key"),
        (("trust", "acme.pub", "--expires", "2001-01-01"), "in the past"),
        (("revoke", "0123456789ABCDEF"), "has no key"),
    ],
)
def test_a_key_that_cannot_be_trusted_or_revoked_is_an_error(
    command: Command, tmp_path: Path, public: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "not-a-key").write_text("RWQ\n")
    rejected = command("keys", *arguments, "--json", *DATA)
    assert rejected.returncode == 1 and words in rejected.stderr
    assert json.loads(rejected.stdout)["message"] in rejected.stderr


def test_a_trust_store_of_another_format_is_rejected_with_its_name(command: Command, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    rejected = command("keys", "list", SIGNING_TRUST_BUNDLE="ca.pem")
    assert rejected.returncode == 1 and "ca.pem" in rejected.stderr and "SIGNING_TRUST_BUNDLE" in rejected.stderr
