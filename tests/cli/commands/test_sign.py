"""`holdfast sign` and `verify`: the signature covers the content of the bundle, and verification rejects everything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.bundles.signing.minisign import PublicKey, Signature
from holdfast.bundles.signing.statement import Statement
from tests.bundles.minisign_samples import KEY_ID, PUBLIC_KEY, SEALED_KEY, SEALED_KEY_PASSWORD, SECRET_KEY
from tests.cli.command_runner import Done, write_extension

Command = Callable[..., Done]
DATA = ("--data-dir", "data")


@pytest.fixture
def project(command: Command, tmp_path: Path) -> Path:
    """A packed extension, and sample keys of minisign next to it."""
    folder = write_extension(tmp_path / "pages", capabilities=["storage.kv"], egress=["api.example.com"])
    assert command("pack", folder).returncode == 0
    (tmp_path / "acme.pub").write_bytes(PUBLIC_KEY)
    (tmp_path / "acme.key").write_bytes(SECRET_KEY)
    return folder


def test_signing_writes_the_statement_and_a_signature_over_it(command: Command, tmp_path: Path, project: Path) -> None:
    archive = project / "dist/bundle.tar.zst"
    result = json.loads(command("sign", project, "--key", "acme.key", "--json").stdout)
    statement = Path(f"{archive}.statement.json").read_bytes()
    assert statement == Statement.from_archive(archive).to_bytes()
    assert result == {
        "bundle": str(archive),
        "signature": f"{archive}.minisig",
        "statement_file": f"{archive}.statement.json",
        "key_id": KEY_ID,
        "statement": json.loads(statement),
    }
    signature = Signature.parse(Path(result["signature"]).read_bytes())
    assert PublicKey.parse(PUBLIC_KEY).verifies(statement, signature)


def test_a_signed_bundle_verifies_with_the_trust_store_and_with_one_key(command: Command, tmp_path: Path, project: Path) -> None:
    assert command("sign", project / "dist/bundle.tar.zst", "--key", "acme.key").returncode == 0
    alone = json.loads(command("verify", project, "--key", "acme.pub", "--json").stdout)
    assert (alone["key_id"], alone["key_name"]) == (KEY_ID, "acme")
    assert alone["statement"]["capabilities"] == ["cap:storage.kv"] and "file:bundle" in alone["trusted_comment"]
    unknown = command("verify", project, "--json", *DATA)
    assert (unknown.returncode, json.loads(unknown.stdout)["error"]) == (1, "signature_untrusted")
    command("keys", "trust", "acme.pub", *DATA)
    done = command("verify", project, *DATA)
    assert done.stdout.startswith(f"{project / 'dist/bundle.tar.zst'} is signed by acme ({KEY_ID})\n")
    assert all(word in done.stdout for word in ("com.example.sample 1.0.0", "Example", "cap:storage.kv", "api.example.com"))
    command("keys", "revoke", KEY_ID, *DATA)
    assert json.loads(command("verify", project, "--json", *DATA).stdout)["error"] == "signature_revoked"


def test_an_unsigned_bundle_does_not_verify(command: Command, tmp_path: Path, project: Path) -> None:
    rejected = command("verify", project, "--key", "acme.pub", "--json")
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "signature_missing")


def test_packing_again_removes_the_signature_only_of_a_changed_bundle(command: Command, tmp_path: Path, project: Path) -> None:
    signature = project / "dist/bundle.tar.zst.minisig"
    assert command("sign", project, "--key", "acme.key").returncode == 0
    kept = signature.read_bytes()
    assert command("pack", project).returncode == 0
    assert signature.read_bytes() == kept
    (project / "ui/index.html").write_text("<!doctype html><title>Changed</title>")
    assert command("pack", project).returncode == 0
    assert not signature.exists() and not (project / "dist/bundle.tar.zst.statement.json").exists()


def test_another_bundle_does_not_verify_with_the_signature_and_the_statement_next_to_it(
    command: Command, tmp_path: Path, project: Path
) -> None:
    assert command("sign", project, "--key", "acme.key").returncode == 0
    other = write_extension(tmp_path / "other", capabilities=["storage.kv", "secrets.get"])
    assert command("pack", other, "--out", project / "dist" / "other.tar.zst").returncode == 0
    (project / "dist/other.tar.zst").replace(project / "dist/bundle.tar.zst")
    rejected = command("verify", project, "--key", "acme.pub", "--json")
    assert json.loads(rejected.stdout)["error"] == "signature_invalid"


def test_the_only_key_of_the_data_folder_is_the_default_and_its_password_comes_from_a_file(
    command: Command, tmp_path: Path, project: Path
) -> None:
    none = command("sign", project, *DATA)
    assert none.returncode == 1 and "holdfast keys new" in none.stderr
    keys = tmp_path / "data/keys"
    keys.mkdir(parents=True)
    (keys / "one.key").write_bytes(SEALED_KEY)
    (tmp_path / "password").write_text(SEALED_KEY_PASSWORD)
    assert command("sign", project, "--password-file", "password", *DATA).returncode == 0
    (tmp_path / "password").write_text("another")
    wrong = command("sign", project, "--password-file", "password", "--json", *DATA)
    assert json.loads(wrong.stdout)["error"] == "wrong_password" and "another" not in wrong.stderr
    asked = command("sign", project, "--json", *DATA)
    assert json.loads(asked.stdout)["error"] == "password_not_given"
    (keys / "two.key").write_bytes(SECRET_KEY)
    assert "Several secret keys" in command("sign", project, *DATA).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sign", "nowhere", "--key", "acme.key"), "holdfast pack"),
        (("sign", "unpacked", "--key", "acme.key"), "holdfast pack"),
        (("sign", "acme.key", "--key", "acme.key"), "zstd"),
        (("sign", "pages", "--key", "acme.pub"), "not a secret key"),
        (("sign", "pages", "--key", "absent"), "The file absent does not exist"),
        (("sign", "pages", "--key", "acme.key", "--algorithm", "cosign"), "cosign"),
        (("sign", "pages", "--key", "acme.key", "--alg", "pgp"), "pgp"),
        (("verify", "pages", "--key", "acme.pub", "--signature", "absent"), "No signature file absent found"),
        (("verify", "pages", "--key", "acme.key"), "not a public key"),
    ],
    ids=range(9),
)
def test_a_bundle_that_cannot_be_signed_or_verified_is_an_error(
    command: Command, tmp_path: Path, project: Path, arguments: tuple[str, ...], words: str
) -> None:
    write_extension(tmp_path / "unpacked")
    rejected = command(*arguments, "--json")
    assert rejected.returncode == 1 and words in rejected.stderr, rejected.stderr
    assert json.loads(rejected.stdout)["error"] != "unexpected"
