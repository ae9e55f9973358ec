"""Versions are parsed and ordered as Semantic Versioning specifies; a wildcard continues after the published ones."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bundles.versions import InvalidVersion, SemVer, Wildcard, parse_version, parse_versions

_NUMBERS = st.integers(0, 999_999_999)
_WORDS = st.from_regex(r"[0-9]{0,3}[A-Za-z-][0-9A-Za-z-]{0,6}", fullmatch=True)
_PRE = st.lists(_NUMBERS.map(str) | _WORDS, max_size=3).map(tuple)
_BUILD = st.lists(st.from_regex(r"[0-9A-Za-z-]{1,6}", fullmatch=True), max_size=2).map(tuple)
VERSIONS = st.builds(SemVer, _NUMBERS, _NUMBERS, _NUMBERS, _PRE, _BUILD)

# The example of the specification, point 11, with what it says elsewhere about numbers and words.
ORDERED = ["0.0.9", "0.10.0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta"]
ORDERED += ["1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0-20261124202344", "2.0.0"]


@given(VERSIONS)
def test_a_version_is_read_back_as_it_was_written(version: SemVer) -> None:
    if len(str(version)) <= 100:
        assert SemVer.parse(str(version)) == version == parse_version(str(version))


def test_versions_are_ordered_as_specified() -> None:
    for older, newer in itertools.combinations(ORDERED, 2):
        assert SemVer.parse(older) < SemVer.parse(newer)
        assert SemVer.parse(newer) > SemVer.parse(older)


@given(st.lists(VERSIONS, max_size=6), st.randoms())
def test_sorting_does_not_depend_on_the_order_before(versions: list[SemVer], random: Random) -> None:
    shuffled = random.sample(versions, len(versions))
    assert sorted(versions) == sorted(shuffled)


def test_build_metadata_does_not_affect_precedence_but_sorting_is_stable() -> None:
    plain, built = SemVer.parse("1.0.0"), SemVer.parse("1.0.0+a")
    assert plain.precedence == built.precedence
    assert plain < built and plain != built


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1.2", "1.2.3.4", "v1.2.3", "1.02.3", "1.2.3-", "1.2.3-a..b", "1.2.3-01", "1.2.3+", "1.2.*", "1.2.3\n", "1.2.-3"),
        *("1.2.\N{DEVANAGARI DIGIT THREE}", "1.2.3-" + "a" * 100, "1.2.9999999999"),
    ],
)
def test_an_invalid_version_is_rejected(text: str) -> None:
    with pytest.raises(InvalidVersion) as caught:
        SemVer.parse(text)
    assert caught.value.status == 400
    assert caught.value.hint is not None and "1.2.3" in caught.value.hint


@pytest.mark.parametrize("text", ["*", "1.*", "1.*.*", "1.2.*-a", "1.2.**", "01.2.*", "1.2.x", ""])
def test_only_the_patch_can_be_a_wildcard(text: str) -> None:
    for read in (Wildcard.parse, parse_version):
        with pytest.raises(InvalidVersion):
            read(text)


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ([], "0.3.0"),
        (["0.3.0"], "0.3.1"),
        (["0.3.9", "0.3.10", "0.3.2"], "0.3.11"),
        (["0.3.4-rc.1", "0.4.7", "1.3.8"], "0.3.0"),
        (["0.3.4+build"], "0.3.5"),
    ],
)
def test_a_wildcard_is_the_patch_after_the_highest_release(existing: list[str], expected: str) -> None:
    assert str(Wildcard.parse("0.3.*").next_after(map(SemVer.parse, existing))) == expected


def test_a_wildcard_is_printed_as_it_was_written() -> None:
    assert str(parse_version("0.3.*")) == "0.3.*"


def test_stored_versions_are_sorted_and_invalid_ones_skipped() -> None:
    stored = ["1.10.0", "0.3.*", "1.9.0", "latest", "1.10.0-rc.1", "1" * 200]
    assert list(parse_versions(stored).values()) == ["1.9.0", "1.10.0-rc.1", "1.10.0"]
