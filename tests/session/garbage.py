"""Hides the collected tests from the garbage collector, which would otherwise walk over all of them in each full collection.

They are hundreds of thousands of objects that live as long as the run. What a test leaves behind is collected as before.
"""

from __future__ import annotations

import gc

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()
