"""Events to publish."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.events import DebugEvent

MakeEvent = Callable[..., DebugEvent]


@pytest.fixture
def make_event() -> MakeEvent:
    """Builds an event of tenant `t` and extension `e` with the given message."""

    def make(message: str, *, tenant_id: str = "t", extension_id: str = "e") -> DebugEvent:
        return DebugEvent(ts=1, level="info", stream="log", tenant_id=tenant_id, extension_id=extension_id, message=message)

    return make
