"""A wheel of the project works where nothing of the checkout is."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.waiting import MAX_WAIT_SECONDS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `make dist` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=MAX_WAIT_SECONDS)
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_has_every_file_of_the_packages_and_no_compiled_or_test_file(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    listed = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert {name.removeprefix("src/") for name in listed} <= {*names}
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests/")]


@pytest.mark.slow
@pytest.mark.process
def test_holdfast_up_from_a_wheel_serves_a_call_in_an_empty_folder(wheel: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "check-wheel", wheel, "--dependencies-from", sysconfig.get_path("purelib")]
    checked = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=4 * MAX_WAIT_SECONDS, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "from a wheel" in checked.stdout
