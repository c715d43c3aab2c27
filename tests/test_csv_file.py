from __future__ import annotations

from pathlib import Path

import pytest

from tambour.audience import load_csv
from tambour.model import Recipient
from tambour.problems import Problem


def load(
    folder: Path, content: str | bytes
) -> tuple[tuple[Recipient, ...], tuple[Problem, ...]]:
    """Load a CSV of French readers."""
    file = folder / "readers.csv"
    raw = content if isinstance(content, bytes) else content.encode()
    file.write_bytes(raw)
    audience = load_csv(file, shown="readers.csv", default_language="fr")
    people = tuple(audience)
    assert len(people) == audience.size
    return people, audience.problems


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("email,name,language\nzoé@exämple.fr,Zoé,fr\n", id="commas"),
        pytest.param("Email;Nom;Langue\r\nzoé@exämple.fr;Zoé;\r\n", id="semicolons"),
        pytest.param("name\temail\nZoé\tzoé@exämple.fr\n", id="tabs"),
        pytest.param(
            "\ufeffemail,name\n\n  zoé@exämple.fr ,Zoé\n", id="bom-and-spaces"
        ),
        pytest.param(
            "courriel;prénom\nzoé@exämple.fr;Zoé\n".encode("cp1252"), id="windows-1252"
        ),
    ],
)
def test_reads_what_spreadsheets_write(tmp_path: Path, content: str | bytes) -> None:
    """The same person comes out of every usual way to save a sheet."""
    people, problems = load(tmp_path, content)

    assert (("zoé@exämple.fr", "Zoé", "fr"),) == tuple(
        (p.address, p.name, p.language) for p in people
    )
    assert problems == ()


def test_other_columns_are_fields(tmp_path: Path) -> None:
    """A template may use any further column of the file."""
    people, _ = load(tmp_path, "email,service,ville\na@example.org,DINUM, Paris\n")

    assert {"service": "DINUM", "ville": "Paris"} == people[0].fields


def test_bad_and_repeated_addresses_are_named_by_line(tmp_path: Path) -> None:
    """A bad address is an error at its line, a repeated one a warning; others stand."""
    text = "email\na@example.org\nnot an address\nA@Example.org\n@x\nb@example.org\n"

    people, problems = load(tmp_path, text)

    assert ["a@example.org", "b@example.org"] == [p.address for p in people]
    assert [(3, "E503"), (4, "W501"), (5, "E503")] == [
        (p.line, p.code) for p in problems
    ]


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        pytest.param("", 1, "E502", id="empty"),
        pytest.param("name\nZoé\n", 1, "E502", id="no-email-column"),
        pytest.param("email\n", 0, "W502", id="nobody"),
        pytest.param("email,name\na@example.org,Martin, Zoé\n", 2, "E504", id="comma"),
        pytest.param("email,language\na@example.org,français\n", 2, "E505", id="lang"),
        pytest.param("email\na@example.org\0\n", 2, "E503", id="nul"),
        pytest.param(
            'email\n"a@example.org\nBcc: x@example.org"\n', 3, "E503", id="lf"
        ),
        pytest.param("email\na@-example.org\n", 2, "E503", id="hyphen"),
    ],
)
def test_faults_of_the_file(tmp_path: Path, text: str, line: int, code: str) -> None:
    """Each fault is one problem with its code and line, and nobody is let through."""
    people, problems = load(tmp_path, text)

    assert people == ()
    assert [(line, code)] == [(p.line, p.code) for p in problems]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param('b@example.org,"Zoé\nc@example.org,Tom\n', id="never closed"),
        pytest.param(
            'b@example.org,"Zoé\nc@example.org,Tom\nd@example.org,"Dan\n', id="twice"
        ),
        pytest.param(
            'b@example.org,"Zoé\nc@example.org,Tom"\nd@example.org,Dan\n', id="closed"
        ),
    ],
)
def test_an_open_quote_gives_nobody_the_others_addresses(
    tmp_path: Path, rows: str
) -> None:
    """It would make a name of the rows below; the file is refused at its line."""
    people, problems = load(tmp_path, f"email,name\na@example.org,Ann\n{rows}")

    assert () == people
    assert [(3, "E501")] == [(p.line, p.code) for p in problems]


def test_two_spellings_of_a_domain_are_one_address(tmp_path: Path) -> None:
    """Letters and A-labels lead to one mailbox; ß and ss do not."""
    text = "email\na@exämple.fr\na@xn--exmple-cua.fr\nß@x.de\nss@x.de\n"
    people, problems = load(tmp_path, text)

    assert ["a@exämple.fr", "ß@x.de", "ss@x.de"] == [p.address for p in people]
    assert [(3, "W501")] == [(p.line, p.code) for p in problems]


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    """No file, no people, one problem; not an exception."""
    audience = load_csv(tmp_path / "none.csv", shown="none.csv", default_language="fr")

    assert () == tuple(audience)
    assert audience.is_broken
    assert ["E501"] == [p.code for p in audience.problems]
