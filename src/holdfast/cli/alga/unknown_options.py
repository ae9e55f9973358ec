"""Options that a command does not have."""

from __future__ import annotations

from holdfast.cli.alga.arguments import Arguments
from holdfast.cli.terminal.printing import note


def note_unknown(given: Arguments) -> None:
    """Notes each option that has no effect. The published tool ignores them in silence, so scripts may pass some."""
    for option in given.unknown:
        note(f"Warning: the option {option} is unknown and has no effect.")
