"""Writes the time zones of the SDK's Intl (sdk/typescript/src/web/intl/data/zones.json) from the package tzdata.

Each zone is one text of three parts: offsets `seconds[d]` separated by commas (`d`: daylight saving time); transitions as pairs of base 36
deltas in seconds and the index of the offset from then on; and the rule for the time after the last transition, as POSIX TZ. Zones that are
equal are links. Run it with tzdata installed: python scripts/intl/zones.py.
"""

from __future__ import annotations

import json
import struct
from importlib import import_module, resources
from pathlib import Path
from typing import NamedTuple

OUT = Path(__file__).parents[2] / "sdk" / "typescript" / "src" / "web" / "intl" / "data" / "zones.json"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Zone(NamedTuple):
    transitions: list[tuple[int, int]]
    offsets: list[tuple[int, bool]]
    rule: str


def read(content: bytes) -> Zone:
    """A TZif file of version 2 or later (RFC 8536): its second block has 64-bit times."""

    def counts(at: int) -> tuple[int, ...]:
        return struct.unpack(">6l", content[at + 20 : at + 44])

    utc, standard, leap, times, types, characters = counts(0)
    start = 44 + times * 5 + types * 6 + characters + leap * 8 + standard + utc
    utc, standard, leap, times, types, characters = counts(start)
    at = start + 44
    moments = struct.unpack(f">{times}q", content[at : at + times * 8])
    indexes = content[at + times * 8 : at + times * 9]
    at += times * 9
    offsets = [struct.unpack(">lb", content[at + n * 6 : at + n * 6 + 5]) for n in range(types)]
    at += types * 6 + characters + leap * 12 + standard + utc
    return Zone(list(zip(moments, indexes, strict=True)), [(offset, bool(dst)) for offset, dst in offsets], content[at:].decode().strip())


def base36(value: int) -> str:
    text = ""
    number = abs(value)
    while number or not text:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return f"-{text}" if value < 0 else text


def written(zone: Zone) -> str:
    offsets = ",".join(f"{seconds}{'d' if dst else ''}" for seconds, dst in zone.offsets)
    last = 0
    parts = []
    for moment, index in zone.transitions:
        parts.append(f"{base36(moment - last)} {index}")
        last = moment
    return "|".join((offsets, ",".join(parts), zone.rule))


def main() -> None:
    tzdata = import_module("tzdata")
    root = resources.files(tzdata) / "zoneinfo"
    zones: dict[str, str] = {}
    links: dict[str, str] = {}
    first: dict[str, str] = {}
    # Canonical names sort before the older ones that have no region.
    for name in sorted((resources.files(tzdata) / "zones").read_text().split(), key=lambda one: ("/" not in one, one)):
        text = written(read(root.joinpath(*name.split("/")).read_bytes()))
        if text in first:
            links[name] = first[text]
        else:
            first[text] = name
            zones[name] = text
    OUT.write_text(json.dumps({"tzdata": tzdata.IANA_VERSION, "zones": zones, "links": links}, separators=(",", ":")) + "\n")
    print(len(zones), "zones,", len(links), "links,", OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
