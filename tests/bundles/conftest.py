"""One S3-compatible server for all tests of bundles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles.s3_server import s3_server


@pytest.fixture(scope="session")
def s3_origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of an S3-compatible server without buckets."""
    with s3_server(Path(tmp_path_factory.mktemp("s3"))) as origin:
        yield origin
