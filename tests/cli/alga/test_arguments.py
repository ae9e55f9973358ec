"""Command lines as the published tool reads them."""

from __future__ import annotations

import pytest

from holdfast.cli.alga.arguments import AlgaError, read_arguments

VALUES = [("--project", "--dir", "--cwd"), ("--out", "--outfile")]
SWITCHES = [("--force", "-f"), ("--skip-install",)]


@pytest.mark.parametrize(
    "tokens",
    [
        ["folder", "--out", "a.zst", "-f"],
        ["-f", "--outfile=a.zst", "folder"],
        ["--force", "--out", "a.zst", "--", "folder"],
    ],
)
def test_options_have_their_first_name_whatever_their_place_and_form(tokens: list[str]) -> None:
    given = read_arguments(tokens, values=VALUES, switches=SWITCHES)
    assert (given.words, dict(given.values), set(given.switches)) == (("folder",), {"--out": "a.zst"}, {"--force"})
    assert given.unknown == ()


def test_the_last_value_counts_and_other_options_are_listed() -> None:
    given = read_arguments(["--dir", "a", "--cwd", "b", "--verbose", "-x", "-"], values=VALUES, switches=SWITCHES)
    assert (given.values["--project"], given.unknown, given.words) == ("b", ("--verbose", "-x"), ("-",))


@pytest.mark.parametrize("tokens", [["--out"], ["--out="], ["--out", ""]])
def test_an_option_without_its_value_is_an_error(tokens: list[str]) -> None:
    with pytest.raises(AlgaError, match="--out needs a value"):
        read_arguments(tokens, values=VALUES, switches=SWITCHES)


def test_a_required_word_that_is_missing_is_an_error_with_its_name() -> None:
    with pytest.raises(AlgaError, match=r"^Error: registryId is required$"):
        read_arguments([]).require_word(0, "registryId")
