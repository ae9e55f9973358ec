"""Finds events of a manifest that name no endpoint: other hosts' manifests have them, and this host delivers nothing to them."""

from __future__ import annotations

import json
from pathlib import Path

from holdfast.author.code_frame import Problem


def find_undelivered_events(project: Path) -> tuple[Problem, ...]:
    """A warning for each entry of `events` in a valid manifest that names a handler and no endpoint."""
    text = (project / "manifest.json").read_text("utf-8-sig", errors="replace")
    if '"events"' not in text:
        return ()
    from holdfast.bundles.manifest.parsing.positions import Positions

    events = json.loads(text).get("events") or ()
    places = Positions(text, [("events", index) for index in range(len(events))])
    found = []
    for index, event in enumerate(events):
        if event.get("endpoint") is None:
            at = places.value_at(("events", index))
            found.append(
                Problem(
                    f"No event {event['topic']} is delivered: the entry has a handler, and events are delivered to endpoints.",
                    "manifest.json",
                    at.line,
                    at.column,
                    hint='Add "endpoint": "POST /path" with a POST endpoint of api.endpoints.',
                )
            )
    return tuple(found)
