"""Starts the tests that take longest first: one that starts last would keep a single worker busy while the others have nothing left.

A worker begins at one end of its list, and those that have nothing left take from the other end. The rest keeps its random order.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
