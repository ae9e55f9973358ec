"""One `holdfast dev` for the tests of a worker: a platform takes seconds to start, and joining it less than one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dev.dev_process import DevProcess, write_handler_extension, write_page_extension


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevProcess]:
    """It develops `alpha` and `beta`, which have a handler, and `pages`, which has a page."""
    folder = tmp_path_factory.mktemp("dev")
    projects = [write_handler_extension(folder / name, name) for name in ("alpha", "beta")]
    projects.append(write_page_extension(folder / "pages"))
    with DevProcess(folder, *projects) as process:
        process.wait_for("watching")
        assert process.count("failed") == 0, process.described()
        yield process


@pytest.fixture
def project(dev: DevProcess) -> Path:
    """The folder of `pages`."""
    return dev.data_dir.parent / "pages"
