"""An audience in a CSV file."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tambour.audience import load_csv, repeats, text_file
from tambour.audience.complaints import MAX_SHOWN
from tambour.errors import UserError
from tambour.ledger.records import normalise
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


def test_the_last_letter_decides_too(tmp_path: Path) -> None:
    """A file that ends within a letter of UTF-8 is none."""
    people, _ = load(tmp_path, b"email,name\na@example.org,Zo\xe9")

    assert ["Zoé"] == [person.name for person in people]


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


def test_a_count_comes_with_what_the_people_have(tmp_path: Path) -> None:
    """Languages and columns are known without a walk; those left out have no say."""
    text = (
        "email,langue,ville\na@x.org,en,Paris\nb@x.org,,\nA@x.org,de,Metz\nno,it,Metz\n"
    )
    file = tmp_path / "readers.csv"
    file.write_text(text, encoding="utf-8")
    audience = load_csv(file, shown="readers.csv", default_language="fr")

    assert (2, ("en", "fr"), ("ville",)) == (
        audience.size,
        audience.languages,
        audience.columns,
    )
    assert {"fr", "en"} == {person.language for person in audience}
    assert not audience.is_broken


def test_of_a_million_faults_a_thousand_are_told(tmp_path: Path) -> None:
    """Nobody reads more; the last says how many there are."""
    _, problems = load(tmp_path, "email\n" + "nobody\n" * (3 * MAX_SHOWN))

    assert MAX_SHOWN + 1 == len(problems)
    assert "2,000 more problems from this line on" == problems[-1].message


# ── files that change under their readers ───────────────────────────────────────


def rewritten(file: Path) -> None:
    """Exchange a person for another of the same length."""
    file.write_bytes(file.read_bytes().replace(b"b@", b"z@"))


def appended(file: Path) -> None:
    """Add a person."""
    file.write_bytes(file.read_bytes() + b"y@example.org,Yann\n")


def cut(file: Path) -> None:
    """Leave half of the file."""
    file.write_bytes(file.read_bytes()[:25])


def spoilt(file: Path) -> None:
    """Make an address of somebody one no more."""
    file.write_bytes(file.read_bytes().replace(b"a@example", b"a example"))


def recoded(file: Path) -> None:
    """Save it in another encoding."""
    file.write_bytes(file.read_text(encoding="utf-8").encode("cp1252"))


def left_open(file: Path) -> None:
    """Forget a quote."""
    file.write_bytes(file.read_bytes().replace(b"Zo", b'"Zo'))


def deleted(file: Path) -> None:
    """Delete the file."""
    file.unlink()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (rewritten, "E506"),
        (appended, "E506"),
        (cut, "E506"),
        (spoilt, "E506"),
        (recoded, "E506"),
        (left_open, "E506"),
        (deleted, "E501"),
    ],
)
def test_people_who_are_not_those_that_were_counted_are_refused(
    tmp_path: Path, change: Callable[[Path], None], code: str
) -> None:
    """A walk that met another file than was judged ends in an error that says so."""
    file = tmp_path / "readers.csv"
    file.write_text("email,name\na@example.org,Zoé\nb@example.org,Tom\n", "utf-8")
    audience = load_csv(file, shown="readers.csv", default_language="fr")
    change(file)
    with pytest.raises(UserError, match=r"readers\.csv") as caught:
        list(audience)

    assert [code] == [problem.code for problem in caught.value.problems]


def test_a_file_exchanged_for_another_in_mid_walk_is_read_to_its_end(
    tmp_path: Path,
) -> None:
    """Who writes another file and renames it disturbs nobody: no mixture comes out."""
    file = tmp_path / "readers.csv"
    file.write_text("email\na@example.org\nb@example.org\n", encoding="utf-8")
    audience = load_csv(file, shown="readers.csv", default_language="fr")
    walk = iter(audience)
    first = next(walk)
    (tmp_path / "new.csv").write_text("email\nz@example.org\n", encoding="utf-8")
    (tmp_path / "new.csv").rename(file)

    assert ["a@example.org", "b@example.org"] == [
        person.address for person in (first, *walk)
    ]


def test_a_file_that_changes_while_it_is_counted_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of one list and half of another are nobody."""
    file = tmp_path / "readers.csv"
    file.write_text("email\na@example.org\nb@example.org\n", encoding="utf-8")
    seen = text_file.look_at(file)
    rewritten(file)
    monkeypatch.setattr("tambour.audience.csv_file.look_at", lambda _: seen)
    audience = load_csv(file, shown="readers.csv", default_language="fr")

    assert (0, True) == (audience.size, audience.is_broken)
    assert ["E506"] == [problem.code for problem in audience.problems]


# ── beside a reader that holds everything ───────────────────────────────────────

ADDRESSES = st.sampled_from(
    [
        "a@example.org",
        "A@Example.org",
        "b@example.org ",
        "b.c@example.org",
        "zoé@exämple.fr",
        "zoé@xn--exmple-cua.fr",
        "ZOÉ@EXÄMPLE.FR",
        "no address",
        "",
        "@",
    ]
)
CELLS = st.sampled_from(
    ["", "Zoé", " Tom  B.", 'the "one"', "a,b;c\td", "x\ny", "x\r\ny", "€", "a\n@,;\tb"]
)
LANGUAGES = st.sampled_from(["", "fr", " EN ", "pt_BR", "français", "x\ny"])
HEADERS = st.permutations(["email", "name", "language", "ville"]).map(
    lambda names: names[: names.index("email") + 2]
)
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "cp1252"])
SCRAPS = st.sampled_from(
    ["", ",,;;", '"', '"a', "a@example.org,,,,,,,", "b@example.org"]
)
KINDS = {"email": ADDRESSES, "language": LANGUAGES}


@st.composite
def sheets(draw: st.DrawFn) -> bytes:
    """Make a file as a spreadsheet saves it, or as a person spoils it."""
    names = draw(HEADERS)
    text = io.StringIO(newline="")
    end = draw(LINE_ENDS)
    writer = csv.writer(
        text, delimiter=draw(st.sampled_from(",;\t")), lineterminator=end
    )
    writer.writerow(names)
    for _ in range(draw(st.integers(0, 8))):
        if draw(st.integers(0, 9)) == 0:
            text.write(draw(SCRAPS) + end)
        else:
            writer.writerow([draw(KINDS.get(name, CELLS)) for name in names])
    head, _, rows = text.getvalue().partition(end)
    whole = head + end + rows * draw(st.sampled_from([1, 2, 30]))
    return whole.encode(draw(ENCODINGS), errors="replace")


Told = tuple[list[tuple[str, str, str, dict[str, str]]], set[tuple[int, str]]]


def simply(raw: bytes) -> Told:
    """Read a sheet in the plainest way: all of it at once."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    mark = max(",;\t", key=re.split("[\r\n]", text)[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    people: dict[str, tuple[str, str, str, dict[str, str]]] = {}
    problems: set[tuple[int, str]] = set()
    begin = 1
    try:
        names = next(rows)
        begin = rows.line_num + 1
        for row in rows:
            if rows.line_num > begin:
                refuse_a_row_in_a_row(row, mark)
            begin = rows.line_num + 1
            faults, person = read_simply(names, row)
            problems |= {(rows.line_num, fault) for fault in faults}
            if person and not faults:
                if normalise(person[0]) in people:
                    problems.add((rows.line_num, "W501"))
                people.setdefault(normalise(person[0]), person)
    except csv.Error:
        return [], {(begin, "E501")}
    if not people and not problems:
        problems.add((0, "W502"))
    return list(people.values()), problems


def refuse_a_row_in_a_row(row: list[str], mark: str) -> None:
    """Take a later line with an address and a separator for somebody's own row."""
    later = [line for cell in row for line in cell.splitlines()[1:]]
    if any("@" in line and mark in line for line in later):
        raise csv.Error


def read_simply(
    names: list[str], row: list[str]
) -> tuple[list[str], tuple[str, str, str, dict[str, str]] | None]:
    """Return what is wrong with a row, and who is in it."""
    if not "".join(row).strip():
        return [], None
    if len(row) > len(names):
        return ["E504"], None
    cells = dict.fromkeys(names, "") | dict(zip(names, row, strict=False))
    faults, address = [], ""
    try:
        address = validate_email(
            cells.pop("email").strip(),
            check_deliverability=False,
            test_environment=True,
        ).normalized
    except EmailNotValidError:
        faults.append("E503")
    language = cells.pop("language", "").strip().lower().replace("_", "-") or "fr"
    if not re.fullmatch("[a-z]{2,3}(-[a-z0-9]+)*", language):
        faults.append("E505")
    name = " ".join(cells.pop("name", "").split())
    fields = {key: value.strip() for key, value in cells.items()}
    return faults, (address, name, language, fields)


@settings(deadline=None)
@example(raw=b'name,email\n"\n"\nb@example.org\n', chunk=1, group=1)
@given(raw=sheets(), chunk=st.sampled_from([1, 7, 8192]), group=st.integers(1, 3))
def test_the_stream_gives_what_reading_all_at_once_gives(
    raw: bytes, chunk: int, group: int
) -> None:
    """Whatever the encoding, the quotes, the repetitions and the size of a chunk."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_file, "CHUNK_BYTES", chunk)
        patch.setattr(repeats, "GROUP_KEYS", group)
        people, problems = load(Path(folder), raw)
    expected, faults = simply(raw)

    assert expected == [(p.address, p.name, p.language, p.fields) for p in people]
    assert (
        sorted(faults)[:MAX_SHOWN] == [(p.line, p.code) for p in problems][:MAX_SHOWN]
    )


def test_two_keys_of_one_print_are_two_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looks alike in four bytes is compared in full."""
    monkeypatch.setattr(repeats, "PRINT_BITS", 0)
    monkeypatch.setattr(repeats, "SHELF_BITS", 1)
    text = "email\n" + "".join(f"p{number}@example.org\n" for number in range(50))

    people, problems = load(tmp_path, text + "P7@example.org\n")

    assert 50 == len(people)
    assert [(52, "W501")] == [(p.line, p.code) for p in problems]
