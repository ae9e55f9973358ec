"""The keys of secrets, from the variable and from the file."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from holdfast.sealing.errors import SecretsKeyUnusable
from holdfast.sealing.keyring import Key, KeySource, new_key_text
from holdfast.settings import Settings

ONE, OTHER = new_key_text(), new_key_text()


def of_variable(text: str) -> KeySource:
    return KeySource(variable=text, file=Path("/nowhere/secrets.key"))


def of_file(path: Path) -> KeySource:
    return KeySource(variable=None, file=path)


def test_the_id_of_a_key_is_always_the_same_and_not_the_key() -> None:
    assert Key.from_secret(bytes(32)).id == "1359af8351b5d523"
    assert Key.from_secret(bytes(32)).id != Key.from_secret(bytes(31) + b"\x01").id


def test_a_key_does_not_show() -> None:
    key = Key.from_secret(b"k" * 32)
    assert "kkk" not in repr(key) and key.id in repr(key)


def test_the_first_key_of_the_variable_is_the_newest_and_all_are_found() -> None:
    ring = of_variable(f" {ONE} , {OTHER}=").read()
    assert ring.newest.id == ring.ids[0]
    assert len(ring.ids) == 2
    assert [ring.find(key_id) is not None for key_id in [*ring.ids, "0" * 16, None]] == [True, True, False, False]


@pytest.mark.parametrize(
    "text",
    ["", "secret-of-a-person", f"{ONE},", ONE[:-1], f"{ONE}A", f"{ONE} {OTHER}", "ü" * 43, "a" * 64],
    ids=["nothing", "a word", "a comma too many", "too short", "too long", "a space", "no base64", "hexadecimal"],
)
def test_a_variable_that_holds_no_key_is_named_and_not_quoted(text: str) -> None:
    with pytest.raises(SecretsKeyUnusable, match="HOLDFAST_SECRETS_KEY") as refusal:
        of_variable(text).read()
    assert not text.strip(", ") or text not in str(refusal.value) + repr(refusal.value)


def test_the_variable_counts_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    of_file(path).create_if_missing()
    fields: dict[str, Any] = {"_env_file": None, "HOLDFAST_SECRETS_KEY_FILE": path}
    assert KeySource.from_settings(Settings(**fields)).file == path
    assert KeySource.from_settings(Settings(**fields, HOLDFAST_SECRETS_KEY=ONE)).read().ids == of_variable(ONE).read().ids


def test_the_file_is_made_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secrets.key"
    source = of_file(path)
    source.create_if_missing()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes()
    source.create_if_missing()
    assert path.read_bytes() == content
    assert [entry.name for entry in sorted(path.parent.iterdir())] == ["secrets.key", "secrets.key.lock"]


def test_of_many_who_make_the_file_at_once_all_get_the_same_key(tmp_path: Path) -> None:
    path, together = tmp_path / "secrets.key", Barrier(8)

    def make(_: int) -> str:
        source = of_file(path)
        together.wait()
        source.create_if_missing()
        return source.read().newest.id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(8)))) == 1


def test_a_key_that_is_added_is_the_newest_and_the_others_still_open(tmp_path: Path) -> None:
    source = of_file(tmp_path / "secrets.key")
    source.create_if_missing()
    (first,) = source.read().ids
    added = source.add()
    assert source.read().ids == [added.id, first]
    assert stat.S_IMODE((tmp_path / "secrets.key").stat().st_mode) == 0o600


def test_old_keys_can_be_taken_out(tmp_path: Path) -> None:
    source = of_file(tmp_path / "secrets.key")
    source.create_if_missing()
    source.add()
    newest = source.add()
    assert source.keep_newest() == 2
    assert source.read().ids == [newest.id]


def test_a_command_does_not_change_the_variable() -> None:
    for change in (of_variable(ONE).add, of_variable(ONE).keep_newest):
        with pytest.raises(SecretsKeyUnusable, match="HOLDFAST_SECRETS_KEY"):
            change()


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"not a key\n", b"\xff\n", b"A" * 100_000])
def test_a_file_without_keys_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secrets.key"
    path.write_bytes(content)
    with pytest.raises(SecretsKeyUnusable, match=str(path)):
        of_file(path).read()
    with pytest.raises(SecretsKeyUnusable):
        of_file(path).add()
    assert path.read_bytes() == content


def test_a_file_that_is_not_there_names_the_variables(tmp_path: Path) -> None:
    with pytest.raises(SecretsKeyUnusable, match="HOLDFAST_SECRETS_KEY or HOLDFAST_SECRETS_KEY_FILE"):
        of_file(tmp_path / "secrets.key").read()


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretsKeyUnusable, match="cannot be written"):
        of_file(tmp_path / "file" / "secrets.key").create_if_missing()
