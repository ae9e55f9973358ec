"""Asks a person at the terminal: text with a default, or one of several choices. Questions go to stderr: stdout has results only."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from holdfast.cli.terminal.printing import note
from holdfast.errors import HoldfastError


class NoAnswer(HoldfastError):
    """Raised when the input ends instead of an answer."""

    code = "no_answer"
    status = 400


def can_ask() -> bool:
    """Whether a person can answer: stdin and stderr are terminals."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, *, default: str | None = None, check: Callable[[str], None] = lambda answer: None) -> str:
    """The answer, or `default` for an empty one. Asks again, with the reason, while `check` raises a HoldfastError. Raises NoAnswer."""
    while True:
        answer = _answer(f"{question}{'' if default is None else f' [{default}]'}: ") or default
        if answer is None:
            continue
        try:
            check(answer)
        except HoldfastError as error:
            note(str(error))
        else:
            return answer


def ask_for_choice(question: str, choices: Sequence[tuple[str, str]]) -> int:
    """The position of the chosen one of `choices`, pairs of name and meaning. Number and name both answer; the first is the default.

    Raises NoAnswer.
    """
    width = max(len(name) for name, _ in choices)
    note(question)
    for number, (name, meaning) in enumerate(choices, 1):
        note(f"  {number}  {name:<{width}}  {meaning}")
    names = [name for name, _ in choices]
    while True:
        answer = _answer("Number or name [1]: ").lower() or "1"
        if answer in names:
            return names.index(answer)
        if answer.isdecimal() and 1 <= int(answer) <= len(choices):
            return int(answer) - 1
        note(f"Type a number from 1 to {len(choices)}, or a name.")


def read_line(prompt: str) -> str | None:
    """The line that a person types after `prompt`, without blanks around it; None when the input ends."""
    with _interruptible():
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.readline()
    return line.strip() if line else None


def _answer(prompt: str) -> str:
    line = read_line(prompt)
    if line is None:
        note("")
        raise NoAnswer("There was no answer, so nothing was created.", hint="Run the command again, or pass the options.")
    return line


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lets Ctrl-C end the prompt at once: the handler of the event loop would wait for the reply first."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
