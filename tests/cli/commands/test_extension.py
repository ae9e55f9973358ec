"""`alga extension`: the command names of the existing platform, on a running platform."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_runner import Done, Platform, json_result, write_extension

Command = Callable[..., Done]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A running platform: the JSON that `holdfast up` prints when it is ready."""
    with Platform(tmp_path_factory.mktemp("server")) as platform:
        yield platform.ready()


@pytest.fixture
def alga(command: Command, server: dict[str, Any]) -> Command:
    """`alga extension …` with the variables that the existing platform sets."""
    variables = {"ALGA_API_BASE_URL": server["console"], "ALGA_API_KEY": server["api_key"], "ALGA_TENANT_ID": server["tenant"]}

    def run(*arguments: str | Path, **more: str) -> Done:
        return command("extension", *arguments, **variables | more)

    return run


def test_publish_installs_unless_no_install_is_passed(alga: Command, tmp_path: Path) -> None:
    first = json_result(alga("publish", write_extension(tmp_path / "a", name="com.example.first"), "--json"))
    assert first["install"]["version"] == "1.0.0"
    second = json_result(alga("publish", write_extension(tmp_path / "b", name="com.example.second"), "--no-install", "--force", "--json"))
    assert second["install"] is None


def test_a_version_is_installed_by_registry_id_and_uninstalled(alga: Command, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "c", name="com.example.third", capabilities=["cap:storage.kv"])
    registry_id = json_result(alga("publish", project, "--no-install", "--json"))["registry_id"]
    unnamed = alga("install", registry_id, "--json")
    assert (unnamed.returncode, json.loads(unnamed.stdout)["error"]) == (1, "reference_incomplete")
    for arguments, variables in ((("--version", "1.0.0"), {}), (("-v", "1.0.0"), {}), ((), {"ALGA_EXTENSION_VERSION": "1.0.0"})):
        installed = json_result(alga("install", registry_id, *arguments, "--json", **variables))
        assert (installed["version"], installed["granted"]) == ("1.0.0", ["cap:storage.kv"])
        assert json_result(alga("uninstall", registry_id, "--json"))["registry_id"] == registry_id


def test_a_key_on_the_command_line_works_with_a_warning_that_does_not_show_it(
    command: Command, server: dict[str, Any], tmp_path: Path
) -> None:
    project = write_extension(tmp_path / "d", name="com.example.fourth")
    options = ("--url", server["console"], "--apikey", server["api_key"], "--tenant", server["tenant"], "--timeout", "60000")
    done = command("extension", "publish", project, *options)
    assert done.returncode == 0, done.stderr
    assert "can see a key on a command line" in done.stderr and server["api_key"] not in done.stdout + done.stderr
    assert "Published Sample 1.0.0" in done.stdout and "Installed Sample 1.0.0" in done.stdout


def test_an_invalid_key_and_another_tenant_are_rejected_in_a_sentence(alga: Command) -> None:
    rejected = alga("uninstall", "x", "--json", ALGA_API_KEY="hf_wrong")
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "unauthenticated")
    assert "does not accept the API key" in rejected.stderr and "hf_wrong" not in rejected.stderr
    other = alga("uninstall", "x", "--json", ALGA_TENANT_ID="99999999-9999-4999-8999-999999999999")
    assert (other.returncode, json.loads(other.stdout)["error"]) == (1, "tenant_mismatch")


def test_the_timeout_option_limits_the_wait_for_a_response(alga: Command) -> None:
    done = alga("uninstall", "x", "--timeout", "1", "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["error"] in {"server_unreachable", "not_installed"}
