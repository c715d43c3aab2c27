"""
The pages and schemas that are written from the program: `scripts/reference` writes them.

Run it after a change to commands, settings, problems or states; `test_docs.py` fails
until then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from typer.main import get_command

from tambour.channels.smtp.states import draw_page as draw_smtp_page
from tambour.cli.app import app
from tambour.config import config_schema
from tambour.content.campaign_front import campaign_schema
from tambour.ledger.states import draw_page
from tambour.problems import CODES, explanation

ROOT = Path(__file__).parent.parent
HIDDEN = frozenset({"--help", "--install-completion", "--show-completion"})
ROOMS = {
    "E1": "Settings",
    "E2": "Events",
    "W2": "Events: warnings",
    "E3": "Campaigns",
    "W3": "Campaigns: warnings",
    "E4": "Templates",
    "E5": "Audiences",
    "W5": "Audiences: warnings",
}
COMMANDS_HEAD = """\
# Commands

Written from the program by `scripts/reference`. `tambour COMMAND --help` says the same.

The options of `tambour` itself may stand before or after the command. What a command tells
a person goes to standard output, problems and logs to standard error; with `--json`
standard output is one JSON object. Exit codes and the objects: [for programs](json.md).

Times (`--at`, `--until`) are ISO 8601, `2027-01-14` or `2027-01-14T08:00`, in the site's
zone unless they carry an offset. An EDITION is named as `tambour plan` shows it.

"""
PROBLEMS_HEAD = """\
# Problems

Written from `src/tambour/problems.md` by `scripts/reference`; `tambour explain CODE` shows
the same. A problem has a place (`path:line`), a code, a message, and mostly a help. Codes
that begin with `E` hold something back: the file they are in, or everything if it is
`config.yaml`. Codes that begin with `W` only speak.

"""


def pages() -> dict[str, str]:
    """Return each written file's content by its path in the repository."""
    return {
        "docs/delivery-states.md": draw_page(),
        "docs/smtp-states.md": draw_smtp_page(),
        "docs/reference/commands.md": COMMANDS_HEAD + "\n".join(command_sections()),
        "docs/reference/problems.md": PROBLEMS_HEAD + "\n".join(problem_sections()),
        "src/tambour/schemas/campaign.schema.json": schema(campaign_schema()),
        "src/tambour/schemas/config.schema.json": schema(config_schema()),
    }


def schema(described: dict[str, Any]) -> str:
    """Return a JSON Schema as a file's text."""
    dated = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
    return json.dumps(dated, indent=2, ensure_ascii=False) + "\n"


def problem_sections() -> Iterator[str]:
    """Yield a list of all codes, then each code's section."""
    for room, codes in groupby(CODES, key=lambda code: ROOMS[code[:2]]):
        listed = (f"- [{code}](#{code.lower()}) {CODES[code]}" for code in codes)
        yield f"**{room}**\n\n" + "\n".join(listed) + "\n"
    for code, title in CODES.items():
        yield f"## {code}\n\n**{title[0].upper()}{title[1:]}.** {explanation(code)}\n"


def every_command() -> Iterator[tuple[str, Any]]:
    """Yield each command with its full name, groups before what is in them."""
    root: Any = get_command(app)
    yield from _below("tambour", root)


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for inner in getattr(command, "commands", {}).values():
        yield from _below(f"{name} {inner.name}", inner)


def options_of(
    command: Any, *, hidden: frozenset[str] = HIDDEN
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each option that a person may type, with its names."""
    context = command.make_context("tambour", [], resilient_parsing=True)
    for parameter in command.get_params(context):
        names = (*parameter.opts, *parameter.secondary_opts)
        if parameter.param_type_name == "option" and not hidden.intersection(names):
            yield names, parameter


def command_sections() -> Iterator[str]:
    """Yield each command: how it is called, what it does, its options."""
    for name, command in every_command():
        words = " ".join((command.help or "").split())
        yield f"{'#' * (len(name.split()) + 1)} {name}\n\n{words}\n"
        yield f"```sh\n{_usage(name, command)}\n```\n"
        rows = [f"| {option} | {meaning} |" for option, meaning in _rows(command)]
        if rows:
            yield "\n".join(("| option | meaning |", "|---|---|", *rows, ""))


def _usage(name: str, command: Any) -> str:
    """Return how the command is typed, in our own brackets."""
    parts = [name, "[OPTIONS]"] if list(options_of(command)) else [name]
    parts += ["COMMAND"] if hasattr(command, "commands") else []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            typed = _typed(parameter)
            parts.append(typed if parameter.required else f"[{typed}]")
    return " ".join(parts)


def _typed(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper()).strip("[]")


def _rows(command: Any) -> Iterator[tuple[str, str]]:
    for parameter in command.params:
        if parameter.param_type_name == "argument" and parameter.help:
            yield f"`{_typed(parameter)}`", parameter.help
    for names, option in options_of(command):
        metavar = "" if option.is_flag else f" {option.metavar or 'TEXT'}"
        said = option.help or ""
        if not option.is_flag and option.default not in (None, (), Path()):
            said = f"{said.rstrip('.')} (`{option.default}` unless given)."
        said += " Required." if option.required else ""
        said += " May be repeated." if option.multiple else ""
        yield f"`{', '.join(names)}{metavar}`", said


if __name__ == "__main__":
    for place, text in pages().items():
        file = ROOT / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
