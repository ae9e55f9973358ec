"""The API key for install lookups: from a variable or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.runner.install_lookup.api_key import MAX_BYTES, LookupKeyUnusable, lookup_key
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.settings import Settings
from tests.events.recording_server import recording_server


def settings(**fields: Any) -> Settings:
    return Settings(**({"_env_file": None} | fields))


def test_the_variable_takes_precedence_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("of the file")
    assert lookup_key(settings(alga_auth_key=" k ", alga_auth_key_file=file)) == "k"


def test_the_file_is_read_without_the_white_space_around_the_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"  the-key-of-the-file\r\n\n")
    assert lookup_key(settings(alga_auth_key_file=file)) == "the-key-of-the-file"


@pytest.mark.parametrize("where", ["none", "file/none"])
def test_without_either_there_is_no_key(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("x")
    assert lookup_key(settings(alga_auth_key_file=tmp_path / where)) is None


@pytest.mark.parametrize("content", [b"", b" \n", b"a b", b"a\nb", b"a\0b", b"\xff\xfe", "schlüssel".encode(), b"k" * (MAX_BYTES + 1)])
def test_the_error_for_a_file_without_a_key_names_its_variable_and_does_not_quote_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(LookupKeyUnusable, match=r"^ALGA_AUTH_KEY_FILE ") as error:
        lookup_key(settings(alga_auth_key_file=file))
    assert "kkk" not in str(error.value) and "schl" not in str(error.value)


def test_the_error_for_an_unreadable_file_names_its_variable(tmp_path: Path) -> None:
    with pytest.raises(LookupKeyUnusable, match=r"^ALGA_AUTH_KEY_FILE .* is unreadable: Is a directory"):
        lookup_key(settings(alga_auth_key_file=tmp_path))


def test_the_error_for_a_variable_without_a_key_names_it() -> None:
    with pytest.raises(LookupKeyUnusable, match=r"^ALGA_AUTH_KEY "):
        lookup_key(settings(alga_auth_key="two\nlines"))


async def test_b14_both_lookups_send_the_key_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("the-key-of-the-file\n")
    async with recording_server() as registry:
        registry.reply({"valid": True, "tenant_id": "t", "extension_id": "e", "content_hash": "ab" * 32})
        validator = InstallValidator.from_settings(settings(alga_auth_key_file=file, registry_base_url=registry.url), "token")
        await validator.tenant_of("t", "e", "sha256:" + "ab" * 32)
        await validator.install_at("notes.example.com")
        await validator.close()
    assert [request.path for request in registry.requests] == ["/api/installs/validate", "/api/installs/lookup-by-host"]
    assert [request.header("x-api-key") for request in registry.requests] == ["the-key-of-the-file"] * 2
