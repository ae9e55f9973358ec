"""ConcurrencyLimit: running calls are counted per install and per process."""

from __future__ import annotations

import pytest

from holdfast.runner.execute.concurrency_limit import Busy, ConcurrencyLimit


def test_the_limit_of_an_install_does_not_affect_others() -> None:
    limit = ConcurrencyLimit(per_install=1, per_process=10)
    with limit.admit("t", "one"):
        with pytest.raises(Busy, match="of this install"), limit.admit("t", "one"):
            pass
        with limit.admit("t", "two"), limit.admit("u", "one"):
            assert limit.running == 3
    assert limit.running == 0
    with limit.admit("t", "one"):
        assert limit.running == 1


def test_the_limit_of_the_process_applies_to_all_installs() -> None:
    limit = ConcurrencyLimit(per_install=10, per_process=2)
    with limit.admit("t", "one"), limit.admit("t", "two"):
        with pytest.raises(Busy, match="in this runner"), limit.admit("t", "three"):
            pass
        assert limit.running == 2


def test_a_call_that_fails_is_no_longer_counted() -> None:
    limit = ConcurrencyLimit(per_install=1, per_process=1)
    with pytest.raises(RuntimeError), limit.admit("t", "one"):
        raise RuntimeError
    assert limit.running == 0
