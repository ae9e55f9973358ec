"""How help pages are laid out: two columns of plain text. Imports nothing, because `holdfast --help` must answer at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MAX_WIDTH = 120
MIN_TEXT_WIDTH = 24
MAX_LABEL_WIDTH = 28
"""A longer label has its text on the next line."""

_INDENT = "  "
_GAP = "  "


def wrap(text: str, width: int) -> list[str]:
    """The words of `text` in lines of at most `width` characters; a longer word has a line of its own."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


def paragraphs(text: str, width: int) -> str:
    """The paragraphs of `text`, which blank lines separate, each wrapped to `width` characters."""
    return "\n\n".join("\n".join(wrap(part, width)) for part in text.strip().split("\n\n"))


def section(title: str, entries: Sequence[tuple[str, str]], width: int) -> str:
    """A titled list of labels with their texts: labels on the left, texts wrapped on the right."""
    label_width = min(max((len(label) for label, _ in entries), default=0), MAX_LABEL_WIDTH)
    return "\n".join([f"{title}:", *(line for label, text in entries for line in _entry(label, text, label_width, width))])


def page(*parts: str) -> str:
    """A help page from its parts, with a blank line after each."""
    return "".join(f"{part}\n\n" for part in parts)


def _entry(label: str, text: str, label_width: int, width: int) -> Iterator[str]:
    left = len(_INDENT) + label_width + len(_GAP)
    first, *rest = wrap(text, max(width - left, MIN_TEXT_WIDTH))
    if len(label) > label_width:
        yield f"{_INDENT}{label}"
        label = ""
    yield f"{_INDENT}{label:<{label_width}}{_GAP}{first}".rstrip()
    for line in rest:
        yield f"{' ' * left}{line}"
