"""Keeps the garbage collector from walking over the collected tests: hundreds of thousands of objects that live as long as the run.

It rests while tests are collected, which makes little garbage, and then ignores what there is. What a test leaves behind is collected
as before.
"""

from __future__ import annotations

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
