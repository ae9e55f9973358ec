"""Calls are counted in and out."""

from __future__ import annotations

import pytest

from holdfast.runner.execute.concurrency_limit import Busy, ConcurrencyLimit


def test_the_limit_of_an_install_leaves_others_alone() -> None:
    admission = ConcurrencyLimit(per_install=1, per_process=10)
    with admission.admit("t", "one"):
        with pytest.raises(Busy, match="of this install"), admission.admit("t", "one"):
            pass
        with admission.admit("t", "two"), admission.admit("u", "one"):
            assert admission.running == 3
    assert admission.running == 0
    with admission.admit("t", "one"):
        assert admission.running == 1


def test_the_limit_of_the_process_holds_for_all() -> None:
    admission = ConcurrencyLimit(per_install=10, per_process=2)
    with admission.admit("t", "one"), admission.admit("t", "two"):
        with pytest.raises(Busy, match="in this runner"), admission.admit("t", "three"):
            pass
        assert admission.running == 2


def test_a_call_that_fails_is_counted_out() -> None:
    admission = ConcurrencyLimit(per_install=1, per_process=1)
    with pytest.raises(RuntimeError), admission.admit("t", "one"):
        raise RuntimeError
    assert admission.running == 0
