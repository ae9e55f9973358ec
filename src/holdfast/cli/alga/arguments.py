"""Reads a command line as the published tool does: options anywhere, in any order, and words between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from holdfast.errors import HoldfastError


class AlgaError(HoldfastError):
    """Raised for a command line that lacks something. The message is the line that the published tool prints."""

    code = "command_line_invalid"
    status = 400


class Arguments(Struct, frozen=True):
    """The words, the values of options and the switches of a command line. Options have their first name. `unknown` are other options."""

    words: tuple[str, ...]
    values: Mapping[str, str]
    switches: frozenset[str]
    unknown: tuple[str, ...]

    def word(self, position: int) -> str | None:
        """The word at a position, counted from 0; None when there are fewer."""
        return self.words[position] if position < len(self.words) else None

    def require_word(self, position: int, what: str) -> str:
        """The word at a position. Raises AlgaError, which says that `what` is required."""
        found = self.word(position)
        if not found:
            raise AlgaError(f"Error: {what} is required")
        return found


def read_arguments(tokens: Sequence[str], *, values: Sequence[tuple[str, ...]] = (), switches: Sequence[tuple[str, ...]] = ()) -> Arguments:
    """Reads `tokens`. Each entry of `values` and `switches` lists the names of one option. `--name=value` works as well as `--name value`.

    Raises AlgaError for an option without its value.
    """
    takes_value = {name: names[0] for names in values for name in names}
    takes_none = {name: names[0] for names in switches for name in names}
    words, found, given, unknown = list[str](), dict[str, str](), set[str](), list[str]()
    rest = iter(tokens)
    for part in rest:
        name, equals, value = part.partition("=")
        if part == "--":
            words.extend(rest)
        elif name in takes_value:
            following = value if equals else next(rest, "")
            if not following:
                raise AlgaError(f"Error: {name} needs a value")
            found[takes_value[name]] = following
        elif part in takes_none:
            given.add(takes_none[part])
        elif part.startswith("-") and part != "-":
            unknown.append(part)
        else:
            words.append(part)
    return Arguments(tuple(words), found, frozenset(given), tuple(unknown))
