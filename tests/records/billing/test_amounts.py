"""Amounts of invoices: rounding, discounts, tax."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from holdfast.records.billing.invoices.amounts import line_amounts
from holdfast.records.billing.invoices.errors import InvoiceError
from holdfast.records.billing.invoices.request import DraftItem

S1, S2, ITEM = "s-1", "s-2", "i-1"


def item(rate: str, quantity: str = "1", **fields: Any) -> DraftItem:
    return DraftItem(**{"service_id": S1, "quantity": Decimal(quantity), "rate": Decimal(rate), "description": "work", **fields})


def off(rate: str, kind: str = "percentage", **fields: Any) -> DraftItem:
    return item(rate, discount=kind, **fields)


def amounts(*items: DraftItem, s1: int = 0, s2: int = 0) -> list[tuple[int, int]]:
    return [(line.net, line.tax) for line in line_amounts(items, {S1: s1, S2: s2})]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        # Halves are rounded up, and 0.1 + 0.2 is what people mean by it.
        ([item("333", "1.5")], [(500, 0)]),
        ([item("5", "0.1")], [(1, 0)]),
        ([item("1000", "0.001")], [(1, 0)]),
        ([item("1", "0.4")], [(0, 0)]),
        # A discount of all items, in proportion; one that comes first applies too.
        ([item("1000"), item("3000"), off("10")], [(1000, 0), (3000, 0), (-400, 0)]),
        ([off("10"), item("1000")], [(-100, 0), (1000, 0)]),
        ([item("1000"), off("12.5")], [(1000, 0), (-125, 0)]),
        ([item("1000"), off("250", "fixed", quantity=Decimal(2))], [(1000, 0), (-500, 0)]),
        # Only the items of a service, or one item.
        ([item("1000"), item("500", service_id=S2), off("50", applies_to_service_id=S2)], [(1000, 0), (500, 0), (-250, 0)]),
        ([item("1000", item_id=ITEM), item("500"), off("50", applies_to_item_id=ITEM)], [(1000, 0), (500, 0), (-500, 0)]),
        # Two halves of an odd amount are all of it, not a unit more.
        ([item("101"), off("50"), off("50")], [(101, 0), (-51, 0), (-50, 0)]),
    ],
)
def test_lines_without_tax(items: list[DraftItem], expected: list[tuple[int, int]]) -> None:
    assert amounts(*items) == expected


def test_tax_is_on_what_discounts_leave_of_each_item() -> None:
    assert amounts(item("1000"), item("1000", service_id=S2), s1=190_000, s2=70_000) == [(1000, 190), (1000, 70)]
    assert amounts(item("1000"), off("50"), s1=190_000) == [(1000, 95), (-500, 0)]
    # 8.875 percent of 200 is 17.75.
    assert amounts(item("200"), s1=88_750) == [(200, 18)]
    assert amounts(item("100"), off("100"), s1=190_000) == [(100, 0), (-100, 0)]


def test_the_parts_of_a_divided_discount_add_up_to_it() -> None:
    # 100 divided among three equal items: 34, 33, 33; the tax of 100 percent shows what is left of each.
    assert amounts(item("100"), item("100"), item("100"), off("100", "fixed"), s1=1_000_000) == [(100, 66), (100, 67), (100, 67), (-100, 0)]


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([item("100"), off("101", "fixed")], "items[1].rate"),
        ([off("1", "fixed")], "items[0].rate"),
        ([item("100"), off("60", "fixed"), off("50", "fixed")], "items[2].rate"),
        ([item("100"), off("10", applies_to_service_id=S2)], "items[1].appliesToServiceId"),
        ([item("100"), off("10", applies_to_item_id=ITEM)], "items[1].appliesToItemId"),
        ([item(str(2**52)), item(str(2**52))], "items"),
    ],
)
def test_a_discount_never_exceeds_what_it_applies_to(items: list[DraftItem], field: str) -> None:
    with pytest.raises(InvoiceError) as refused:
        amounts(*items)
    assert list(refused.value.details) == [field]
