"""How much the tests try: enough for a regression in every run, and far more with HOLDFAST_TEST_LONG=1, which `make test-long` sets."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

_LONG = os.environ.get("HOLDFAST_TEST_LONG") == "1"


def repetitions(usual: int, *, long: int) -> int:
    """How often to repeat what looks for rare defects."""
    return long if _LONG else usual


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    # A busy machine is not a defect: no example has a time limit.
    settings.register_profile(
        "holdfast",
        deadline=None,
        max_examples=repetitions(100, long=2_000),
        # The usual run tries the same examples each time, so that a change is judged by what it changed; the long run looks for new ones.
        derandomize=not _LONG,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
    settings.load_profile("holdfast")
