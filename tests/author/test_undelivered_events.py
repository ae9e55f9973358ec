"""A build warns of events of a manifest that no endpoint receives."""

from __future__ import annotations

import json
from pathlib import Path

from holdfast.author.undelivered_events import find_undelivered_events


def test_an_event_with_a_handler_alone_is_named_with_its_place_and_the_way_out(tmp_path: Path) -> None:
    events = [{"topic": "client.created", "endpoint": "POST /events"}, {"topic": "ticket.created", "handler": "dist/main"}]
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "n", "events": events}, indent=1))
    (problem,) = find_undelivered_events(tmp_path)
    assert (problem.file, problem.line) == ("manifest.json", 8)
    assert "ticket.created" in problem.text and "endpoint" in str(problem.hint)


def test_a_manifest_without_events_has_no_warning(tmp_path: Path) -> None:
    for manifest in ({"name": "n"}, {"name": "n", "events": None}):
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        assert find_undelivered_events(tmp_path) == ()
