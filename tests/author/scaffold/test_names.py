"""The names of new projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.author.scaffold.errors import ScaffoldError
from holdfast.author.scaffold.names import name_project


@pytest.mark.parametrize(
    ("typed", "folder", "package", "extension", "title"),
    [
        ("tickets", "tickets", "tickets", "com.acme-co.tickets", "Tickets"),
        ("ticket-list_2", "ticket-list_2", "ticket-list_2", "com.acme-co.ticket-list_2", "Ticket list 2"),
        ("com.other.time.log", "com.other.time.log", "com.other.time.log", "com.other.time.log", "Log"),
        ("apps/tickets", "apps/tickets", "tickets", "com.acme-co.tickets", "Tickets"),
        ("./tickets/", "tickets", "tickets", "com.acme-co.tickets", "Tickets"),
    ],
)
def test_the_names_follow_from_what_the_author_typed(typed: str, folder: str, package: str, extension: str, title: str) -> None:
    names = name_project(typed, " Acme & Co. ")
    assert (names.folder, names.package, names.extension, names.title) == (Path(folder), package, extension, title)
    assert names.publisher == "Acme & Co."


def test_a_dot_is_the_folder_itself(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    names = name_project(".", parent=tmp_path / "here")
    assert (names.package, names.extension, names.folder.resolve()) == ("here", "com.example.here", (tmp_path / "here").resolve())


def test_a_publisher_without_latin_letters_still_gives_an_extension_name() -> None:
    assert name_project("tickets", "東京").extension == "com.example.tickets"
    assert name_project("tickets", "Ünal & Söhne").extension == "com.unal-sohne.tickets"


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("My Tickets", "my-tickets"),
        ("-x", "x"),
        ("a..b", "a-b"),
        ("tickets.", "tickets"),
        ("Ä", "a"),
        ("node_modules", "node-modules"),
        ("$(rm)", "rm"),
    ],
)
def test_another_name_is_refused_with_one_that_works(typed: str, suggested: str) -> None:
    with pytest.raises(ScaffoldError) as refused:
        name_project(typed)
    assert refused.value.code == "project_name_invalid"
    assert f"`{suggested}`" in str(refused.value)
    assert name_project(suggested).package == suggested


def test_a_name_has_a_longest_length() -> None:
    assert name_project("a" * 100).package == "a" * 100
    with pytest.raises(ScaffoldError, match="longer than 100"):
        name_project("a" * 101)


@pytest.mark.parametrize("publisher", ["", "  ", "a\nb", "x" * 201])
def test_a_publisher_that_users_could_not_read_is_refused(publisher: str) -> None:
    with pytest.raises(ScaffoldError) as refused:
        name_project("tickets", publisher)
    assert refused.value.code == "publisher_invalid"
