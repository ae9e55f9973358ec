"""Garbage collections of a process that serves: over what calls create, and seldom. Reference counts free nearly everything before."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 4_000
"""So many containers (objects that can refer to others) that were created and not freed start a collection; Python's own limit is 700.

With 700, collections took 3 % of the processor time of gateway and runner. What only a collection frees, such as an exception that its own
traceback refers to, waits for the next one: that is why the limit is not higher still."""


def freeze_memory() -> None:
    """Takes what exists out of the collections, because it lives to the end of the process, and makes further ones rarer. Enables them."""
    # A start that disabled them has little garbage. Its collection would take 50 ms, in which the first requests wait.
    if gc.isenabled():
        gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    gc.enable()
