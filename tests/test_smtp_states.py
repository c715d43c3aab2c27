"""The table of the conversation with a mail server, and what is drawn from it."""

from __future__ import annotations

from pathlib import Path

from tambour.channels.smtp.states import (
    ANSWERS,
    TABLE,
    Answer,
    Command,
    State,
    draw_mermaid,
    draw_page,
)


def test_every_state_has_its_row() -> None:
    """The table speaks of every state, and only the end leads nowhere."""
    assert set(State) == set(TABLE)
    assert [State.CLOSED] == [state for state, row in TABLE.items() if not row]


def test_every_command_is_said_somewhere() -> None:
    """No command is left over."""
    assert set(Command) == {command for row in TABLE.values() for command in row}


def test_every_state_is_reached_from_the_first() -> None:
    """No state is left over either."""
    reached = {State.CONNECTED}
    while (
        more := {
            target
            for state in reached
            for answers in TABLE[state].values()
            for target in answers.values()
        }
        - reached
    ):
        reached |= more

    assert set(State) == reached


def test_every_refusal_has_an_arrow() -> None:
    """Only RSET may not be refused; all else may be, and what comes then is known."""
    deaf = {
        (state, command)
        for state, row in TABLE.items()
        for command, answers in row.items()
        if Answer.REFUSE not in answers
    }

    assert deaf == {(State.READY, Command.RSET), (State.VOID, Command.RSET)}


def test_a_refused_transaction_is_left_by_reset_alone() -> None:
    """Until RSET is agreed to, nothing leads out of a void transaction but the end."""
    ways_out = {
        (command, target)
        for command, answers in TABLE[State.VOID].items()
        for target in answers.values()
        if target is not State.VOID
    }

    assert ways_out == {(Command.RSET, State.READY), (Command.QUIT, State.CLOSED)}


def test_reply_codes_are_read_by_their_first_digit() -> None:
    """1yz and what is no code has no meaning."""
    assert ANSWERS[250] is Answer.AGREE
    assert ANSWERS[354] is Answer.GO_ON
    assert ANSWERS[451] is ANSWERS[550] is Answer.REFUSE
    assert not {0, 150, 199, 600, 999} & set(ANSWERS)


def test_the_diagram_has_every_arrow() -> None:
    """Each arrow of the table is in the diagram."""
    lines = draw_mermaid().splitlines()

    for state, row in TABLE.items():
        for command, answers in row.items():
            for answer, target in answers.items():
                assert any(
                    line.strip().startswith(f"{state} --> {target}:")
                    and f"{command} {answer}" in line
                    for line in lines
                )


def test_the_documentation_is_drawn_from_the_table() -> None:
    """`draw_page` makes the page as it is committed."""
    page = Path(__file__).parent.parent / "docs" / "smtp-states.md"

    assert draw_page() == page.read_text("utf-8")
