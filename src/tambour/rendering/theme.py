"""
The look's tokens: `templates/theme.yaml`, the pack's with the project's laid over it.

Style sheets name a token as CSS would, `var(--ink)`; mail clients know no variables,
so the values are put in here. Knows nothing of HTML. Source: design §9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tambour.errors import TemplateError
from tambour.problems import Problem
from tambour.rendering.blame import suggestion
from tambour.yamltext import Document, YamlError, parse

FILE = "theme.yaml"
CODE = "E407"
_COLOUR = re.compile(r"^#[0-9A-Fa-f]{6}$")
_NUMBER = re.compile(r"^[0-9]{1,4}$")
_VARIABLE = re.compile(r"var\(--([a-z0-9-]+)\)")
_COLOURS = ("light", "dark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """
    Colours by name for light and dark, fonts, and the column's width in pixels.

    A digest shows *cards* events in full, then *rows* in a line each, and counts the
    rest. `identity` is the sender's legal identity and postal address.
    """

    width: int
    cards: int
    rows: int
    identity: str
    fonts: Mapping[str, str]
    light: Mapping[str, str]
    dark: Mapping[str, str]

    def tokens(self) -> dict[str, str]:
        """Return every token by its name in a style sheet."""
        named = {f"{name}-font": font for name, font in self.fonts.items()}
        named |= {name.replace("_", "-"): one for name, one in self.light.items()}
        named |= {f"dark-{name.replace('_', '-')}": v for name, v in self.dark.items()}
        return {**named, "width": f"{self.width}px"}


def load_theme(files: Iterable[tuple[Path, str]]) -> Theme:
    """
    Return the theme of *files*, each with the path to show; later ones win.

    Raises:
        TemplateError: a file is not YAML, or names a token there is not.

    """
    data: dict[str, Any] = {}
    for path, shown in files:
        document = _read(path, shown)
        problems = tuple(_problems(document, shown, data))
        if problems:
            msg = f"{shown} cannot be used"
            raise TemplateError(msg, problems)
        data = _merged(data, document.data or {})
    numbers = {key: int(data[key]) for key in ("width", "cards", "rows")}
    return Theme(**{**data, **numbers, "identity": data["identity"] or ""})


def with_tokens(css: str, tokens: Mapping[str, str], *, shown: str) -> str:
    """
    Return *css* with each `var(--token)` replaced by its value.

    Raises:
        TemplateError: a token there is not.

    """
    problems = [
        _problem(
            shown,
            css.count("\n", 0, match.start()) + 1,
            f"there is no token --{match[1]}",
            suggestion(match[1], tokens),
        )
        for match in _VARIABLE.finditer(css)
        if match[1] not in tokens
    ]
    if problems:
        msg = f"{shown} cannot be used"
        raise TemplateError(msg, tuple(problems))
    return _VARIABLE.sub(lambda match: tokens[match[1]], css)


def _read(path: Path, shown: str) -> Document:
    try:
        document = parse(path.read_text(encoding="utf-8-sig"))
    except (YamlError, UnicodeDecodeError) as error:
        line = error.line if isinstance(error, YamlError) else 0
        problem = _problem(shown, line, f"not readable as YAML: {error}", "")
        msg = f"{shown} cannot be read"
        raise TemplateError(msg, (problem,)) from None
    if document.data is not None and not isinstance(document.data, dict):
        problem = _problem(shown, 1, "not a list of `token: value` lines", "")
        msg = f"{shown} cannot be used"
        raise TemplateError(msg, (problem,))
    return document


def _problems(
    document: Document, shown: str, known: Mapping[str, Any]
) -> Iterable[Problem]:
    for key, value in (document.data or {}).items():
        line = document.line((key,))
        if known and key not in known:
            yield _problem(
                shown, line, f"unknown token {key!r}", suggestion(key, known)
            )
        elif isinstance(value, dict):
            for name, text in value.items():
                yield from _inner(
                    document, shown, (key, name), text=text, known=known.get(key, value)
                )
        elif key in ("width", "cards", "rows") and not _NUMBER.match(str(value)):
            yield _problem(shown, line, f"{key} is not a number: {value!r}", "")


def _inner(
    document: Document, shown: str, at: tuple[str, str], *, text: object, known: object
) -> Iterable[Problem]:
    line, name = document.line(at), ".".join(at)
    if not isinstance(known, dict) or at[1] not in known:
        names = known if isinstance(known, dict) else ()
        yield _problem(shown, line, f"unknown token {name!r}", suggestion(at[1], names))
    elif at[0] in _COLOURS and not _COLOUR.match(str(text)):
        message = f"{name} is not a colour: {text!r}"
        yield _problem(shown, line, message, 'write six digits in quotes: "#B3261E"')


def _merged(under: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = {**result[key], **value} if both else value
    return result


def _problem(shown: str, line: int, message: str, advice: str) -> Problem:
    return Problem(path=shown, line=line, code=CODE, message=message, help=advice)
