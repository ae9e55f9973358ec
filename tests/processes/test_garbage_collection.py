"""Collections of a process that serves are rare, and skip what its start created."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from holdfast.processes.garbage_collection import YOUNG_OBJECTS, freeze_memory


class Cycle:
    """An object that only a collection frees."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.mark.parametrize("enabled", [True, False])
def test_what_exists_is_frozen_and_a_start_that_disabled_collections_has_none(enabled: bool) -> None:
    gc.collect()
    gc.disable()  # so that no other collection frees the garbage
    garbage = weakref.ref(Cycle())
    if enabled:
        gc.enable()
    freeze_memory()
    assert gc.isenabled() and gc.get_freeze_count() > 0
    gc.collect()
    assert (garbage() is None) == enabled


def test_garbage_is_freed_after_some_thousand_objects() -> None:
    """The limit on garbage stays low enough: what a failed call leaves may refer to its whole body."""
    freeze_memory()
    garbage = weakref.ref(Cycle())
    kept = [[] for _ in range(YOUNG_OBJECTS + 1_000)]  # type: list[list[object]]
    assert garbage() is None and kept
