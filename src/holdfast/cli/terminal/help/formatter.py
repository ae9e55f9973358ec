"""Makes cyclopts print help pages in our layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.cli.terminal.help.layout import MAX_WIDTH, paragraphs, section

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions


class PlainHelp:
    """A help formatter of cyclopts (its protocol `HelpFormatter`) that writes plain text."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        if panel.entries:
            entries = [(label_of(entry), text_of(entry)) for entry in panel.entries]
            _write(console, section(plain_text(panel.title), entries, _width(console)))

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        if usage:
            _write(console, f"Usage: {plain_text(usage)}")

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        if text := plain_text(description):
            _write(console, paragraphs(text, _width(console)))


def label_of(entry: HelpEntry) -> str:
    """The names of an option, argument or command, and the kind of its value."""
    return ", ".join(entry.display_labels_with_metavar)


def text_of(entry: HelpEntry) -> str:
    """What an option, argument or command means, with its default and its choices."""
    parts = [plain_text(entry.description)]
    if entry.choices:
        parts.append(f"[choices: {', '.join(entry.choices)}]")
    if entry.default is not None and entry.default != "False":
        parts.append(f"[default: {entry.default}]")
    if entry.required:
        parts.append("[required]")
    return " ".join(part for part in parts if part)


def plain_text(text: Any) -> str:
    """The text of cyclopts' renderables: rich text, or an object that wraps it. Anything else is its marker for "no text"."""
    plain = getattr(getattr(text, "primary_renderable", text), "plain", text)
    return plain.strip() if isinstance(plain, str) else ""


def _width(console: Console) -> int:
    return min(console.width, MAX_WIDTH)


def _write(console: Console, text: str) -> None:
    # Past rich's own wrapping and markup, which would change brackets and lengths.
    console.out(text, "\n", sep="", highlight=False)
