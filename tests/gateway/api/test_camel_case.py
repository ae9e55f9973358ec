from __future__ import annotations

from typing import Any

from msgspec import Struct

from holdfast.gateway.api.camel_case import camel, camel_name


class Inner(Struct):
    schedule_id: str


class Outer(Struct):
    from_version: str
    all_of_them: list[Inner]
    the_settings: dict[str, Any]


def test_names_of_fields_are_in_camel_case() -> None:
    assert [camel_name(name) for name in ("name", "content_hash", "is_enabled", "a_b_c")] == ["name", "contentHash", "isEnabled", "aBC"]


def test_fields_are_renamed_at_every_depth_and_data_stays() -> None:
    value = Outer("1.0.0", [Inner("x")], {"snake_case": 1, "inner": Inner("y")})
    assert camel(value) == {
        "fromVersion": "1.0.0",
        "allOfThem": [{"scheduleId": "x"}],
        "theSettings": {"snake_case": 1, "inner": {"scheduleId": "y"}},
    }
