"""The amounts of an invoice, in whole minor units: discounts reduce what they apply to, and tax is on what is left.

    net amount of each item  = quantity times rate, rounded
            │
    discounts, in their order: a percentage of the net amounts, or a fixed amount. Each is divided among the items that it applies to, in
            │                  proportion to what is left of them, so that the parts add up to the discount exactly
            ▼
    tax of each item         = what is left times the rate of its service, rounded

All rounding is half up, once for each line: the sums of an invoice are sums of its lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from holdfast.records.billing.invoices.errors import invalid_invoice
from holdfast.records.billing.invoices.request import MAX_AMOUNT, TOO_LARGE, DraftItem, whole

PPM = Decimal(1_000_000)
EXCEEDS = "Exceeds the amount that it applies to"


class Amounts(Struct, frozen=True):
    """The amounts of a line. A discount has a negative `net`; its effect on the tax is in the lines that it applies to."""

    net: int
    tax: int = 0

    @property
    def total(self) -> int:
        return self.net + self.tax


def line_amounts(items: Sequence[DraftItem], tax_rates_ppm: Mapping[str, int]) -> list[Amounts]:
    """The amounts of each item. `tax_rates_ppm` has the tax rate of each service by its id, in millionths.

    Raises InvoiceError (`invoice_invalid`) for a discount that applies to no item or exceeds what it applies to, and for a sum that is
    too large.
    """
    net = {index: item.amount for index, item in enumerate(items) if item.discount is None}
    left = dict(net)
    discounts = {index: _apply(items, index, net, left) for index, item in enumerate(items) if item.discount is not None}
    lines = [
        Amounts(-discounts[index])
        if index in discounts
        else Amounts(net[index], whole(left[index] * Decimal(tax_rates_ppm[item.service_id]) / PPM))
        for index, item in enumerate(items)
    ]
    if sum(net.values()) + sum(line.tax for line in lines) > MAX_AMOUNT:
        raise invalid_invoice("Validation error", {"items": TOO_LARGE})
    return lines


def _apply(items: Sequence[DraftItem], index: int, net: Mapping[int, int], left: dict[int, int]) -> int:
    """Takes a discount from what is left of the items that it applies to, and returns its amount."""
    item = items[index]
    targets = _targets(items, index)
    available = sum(left[target] for target in targets)
    if item.discount == "percentage":
        # Several percentages, each rounded up, may exceed 100 percent by a unit: then the last takes what is left.
        amount = min(whole(sum(net[target] for target in targets) * item.rate / 100), available)
    else:
        amount = item.amount
    if amount > available:
        raise invalid_invoice("Validation error", {f"items[{index}].rate": EXCEEDS})
    _divide(amount, targets, left)
    return amount


def _targets(items: Sequence[DraftItem], index: int) -> list[int]:
    discount = items[index]
    wanted = {name: value for name in ("item_id", "service_id") if (value := getattr(discount, f"applies_to_{name}")) is not None}
    targets = [
        number
        for number, item in enumerate(items)
        if item.discount is None and all(getattr(item, name) == value for name, value in wanted.items())
    ]
    if wanted and not targets:
        field, message = (
            ("appliesToItemId", "Item not found in this invoice")
            if discount.applies_to_item_id is not None
            else ("appliesToServiceId", "No item of this service in this invoice")
        )
        raise invalid_invoice("Validation error", {f"items[{index}].{field}": message})
    return targets


def _divide(amount: int, targets: Sequence[int], left: dict[int, int]) -> None:
    """Divides an amount in proportion to what is left, by the method of largest remainders."""
    available = sum(left[target] for target in targets)
    if amount == 0:
        return
    parts = {target: divmod(amount * left[target], available) for target in targets}
    rest = amount - sum(part for part, _ in parts.values())
    by_remainder = sorted(targets, key=lambda target: (-parts[target][1], target))
    for position, target in enumerate(by_remainder):
        left[target] -= parts[target][0] + (1 if position < rest else 0)
