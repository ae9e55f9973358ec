"""Which gateway a command talks to, and with which key."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.client.gateway import find_gateway
from holdfast.client.target import Target
from holdfast.platform.lock_file import NotRunning


async def test_a_server_is_used_with_the_key_that_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGA_API_KEY", "hf_given")
    found = await find_gateway(Target(server="https://holdfast.example.com/", data_dir=tmp_path), print)
    assert (found.url, found.api_key) == ("https://holdfast.example.com", "hf_given")


async def test_without_a_platform_the_command_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="holdfast up"):
        await find_gateway(Target(data_dir=tmp_path), print)
