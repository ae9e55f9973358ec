"""`alga component dev` and `alga sign`: commands of `holdfast` under the names of the published tool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from holdfast.cli import main as holdfast
from holdfast.cli.alga.arguments import AlgaError, read_arguments

_ALGORITHM = ("--algorithm", "--alg")
_OF_DEV = frozenset({"--data-dir", "--port", "--runner-port", "--ui-url"})
"""Options of `holdfast dev` that take a value."""
_PLACEHOLDERS = {"cosign", "x509", "pgp"}


def dev(tokens: Sequence[str]) -> int:
    """`holdfast dev` on the folder; returns its exit code."""
    passed, own = _split_off(tokens, _OF_DEV)
    given = read_arguments(own, values=[("--directory", "--dir")])
    folder = Path(given.values.get("--directory", ".")) / (given.word(0) or "")
    return holdfast.run(["dev", str(folder), *passed, *given.unknown])


def _split_off(tokens: Sequence[str], options: frozenset[str]) -> tuple[list[str], list[str]]:
    """These options with their values, and the rest. The value of an option is not a word of the command."""
    passed, rest = list[str](), list[str]()
    remaining = iter(tokens)
    for token in remaining:
        if token in options:
            passed += [token, *(value for value in [next(remaining, None)] if value is not None)]
        else:
            rest.append(token)
    return passed, rest


def sign(tokens: Sequence[str]) -> int:
    """`holdfast sign`, a real signature; returns its exit code. Raises AlgaError for the algorithms that the published tool only names."""
    given = read_arguments(tokens, values=[_ALGORITHM, ("--key",), ("--password-file",), ("--data-dir",)])
    bundle = Path(given.require_word(0, "bundlePath"))
    algorithm = given.values.get("--algorithm", "minisign").lower()
    if algorithm in _PLACEHOLDERS:
        raise AlgaError(
            f"Error: a signature with {algorithm} is not supported: for it, the existing tool writes a text without cryptography.",
            hint=f"Leave out --algorithm: `holdfast sign {bundle}` writes a real signature, after `holdfast keys new`.",
        )
    if not bundle.exists():
        raise AlgaError(f"Bundle not found: {bundle}")
    return holdfast.run(["sign", *tokens])
