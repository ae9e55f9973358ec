"""Only a UUID is an install id."""

from __future__ import annotations

import pytest

from holdfast.hostcalls.call.context import is_install_id
from tests.hostcalls.calling import INSTALL, make_call


def test_a_uuid_is_an_install_id() -> None:
    assert is_install_id(INSTALL)
    assert is_install_id(INSTALL.upper())
    assert make_call().usable_install_id == INSTALL


@pytest.mark.parametrize("text", ["", "..", f"{INSTALL}/..", f"{INSTALL}\n", f"{{{INSTALL}}}", INSTALL.replace("-", ""), "install-1"])
def test_only_a_uuid_reaches_a_url(text: str) -> None:
    assert make_call(install_id=text).usable_install_id is None
