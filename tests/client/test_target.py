"""Where a command works: options before variables, and no key on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.client.errors import KeyFileUnusable
from holdfast.client.target import ApiKeyMissing, ServerAddressInvalid, ServerTarget, Target, server_address
from tests.cli.command_runner import clean_environment, run


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)


def test_without_option_and_variable_the_target_is_the_data_folder() -> None:
    assert Target().server_target() is None


def test_the_first_server_address_that_is_set_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGA_API_KEY", " key ")
    monkeypatch.setenv("ALGA_API_BASE_URL", "https://old.example/")
    found = Target().server_target()
    assert found is not None and (found.url, found.api_key, found.tenant_id) == ("https://old.example", "key", None)
    monkeypatch.setenv("HOLDFAST_SERVER", "https://variable.example")
    monkeypatch.setenv("ALGA_TENANT_ID", "tenant-1")
    found = Target().server_target()
    assert found is not None and (found.url, found.tenant_id) == ("https://variable.example", "tenant-1")
    found = Target(server="http://option.example:8080/below/", tenant="tenant-2").server_target()
    assert found is not None and (found.url, found.tenant_id) == ("http://option.example:8080/below", "tenant-2")


def test_the_data_folder_option_overrides_the_server_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_SERVER", "https://variable.example")
    assert Target(data_dir=Path("data")).server_target() is None


def test_the_key_comes_from_the_first_line_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGA_API_KEY", "of the variable")
    (tmp_path / "key").write_text("of-the-file\nand more\n")
    found = Target(server="http://a.example", api_key_file=tmp_path / "key").server_target()
    assert found is not None and found.api_key == "of-the-file"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"with\x00nul"])
def test_a_file_without_a_key_is_rejected(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises((KeyFileUnusable, ApiKeyMissing)):
        Target(server="http://a.example", api_key_file=tmp_path / "key").server_target()


def test_a_server_without_a_key_is_rejected() -> None:
    with pytest.raises(ApiKeyMissing):
        Target(server="http://a.example").server_target()


@pytest.mark.parametrize(
    "url", ["a.example", "ftp://a.example", "http://", "http://user:hunter2@a.example", "http://a.example:99999", "http://a.example?x=1"]
)
def test_an_invalid_address_is_rejected_and_not_shown(url: str) -> None:
    with pytest.raises(ServerAddressInvalid) as rejected:
        server_address(url)
    assert "hunter2" not in str(rejected.value)


def test_no_command_accepts_a_key_as_an_option(tmp_path: Path) -> None:
    for command in (["list"], ["publish", "x"], ["install", "x"]):
        done = run(*command, "--server", "http://127.0.0.1:9", "--api-key", "k", cwd=tmp_path)
        assert done.returncode == 2, command


def test_only_plain_http_to_another_machine_is_unencrypted_to_others() -> None:
    def is_unencrypted(url: str) -> bool:
        return ServerTarget(url=url, api_key="k", tenant_id=None).is_unencrypted

    assert (
        is_unencrypted("http://holdfast.example.com")
        and is_unencrypted("http://10.0.0.1:3000")
        and is_unencrypted("http://localhost.example.com")
    )
    for url in (
        "https://holdfast.example.com",
        "http://localhost:3000",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "http://a.localhost",
    ):
        assert not is_unencrypted(url)
