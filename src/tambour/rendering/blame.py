"""
Whose line a template's failure is: an exception in, a Problem with path:line out.

Jinja rewrites tracebacks so that their frames show template files and lines; the last
such frame is where the editor has to look. Knows no files, only how to show a path.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import jinja2
import jinja2.exceptions
from jinja2.runtime import StrictUndefined
from jinja2.utils import missing

from tambour.problems import Problem

FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a template's own code can raise; anything else is ours and passes through."""

HELPERS = frozenset({"cycler", "dict", "joiner", "lipsum", "namespace", "range"})
"""Jinja's own names, of no help to somebody who mistyped `events`."""


class UnknownName(jinja2.UndefinedError):
    """A name that nothing has, and the names that would have been known there."""

    def __init__(self, message: str | None, *, name: str, known: Iterable[str]) -> None:
        super().__init__(message)
        self.name = name
        self.known = tuple(known)


class Unknown(StrictUndefined):
    """An undefined value that remembers its name for a suggestion."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,  # noqa: ANN401 - whatever the template looked into
        name: str | None = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
    ) -> None:
        if exc is jinja2.UndefinedError:
            known = () if obj is missing else known_names(obj)
            raiser = partial(UnknownName, name=str(name or ""), known=known)
            super().__init__(hint, obj, name, raiser)  # type: ignore[arg-type]
        else:
            super().__init__(hint, obj, name, exc)


def known_names(value: object) -> tuple[str, ...]:
    """Return what a template may ask of *value*."""
    names = getattr(value, "names", None)
    if callable(names):
        return tuple(names())
    if isinstance(value, Mapping):
        return tuple(str(key) for key in value)
    if dataclasses.is_dataclass(value):
        return tuple(one.name for one in dataclasses.fields(value))
    return tuple(name for name in dir(value) if not name.startswith("_"))


def problem_of(
    error: Exception,
    *,
    show: Callable[[str], tuple[str, int] | None],
    context: Iterable[str],
) -> Problem:
    """
    Return what an editor should read instead of *error*.

    Args:
        show: the path to show for a file name in a traceback and the number to add to
            its lines, or None when the file is not an editor's.
        context: the names that templates know at their top level.

    """
    path, line = _place(error, show)
    match error:
        case jinja2.TemplateSyntaxError():
            message = error.message or "syntax error"
            return Problem(path=path, line=line, code="E402", message=message)
        case jinja2.TemplateNotFound():
            message = f"there is no template {error.name}"
            return Problem(path=path, line=line, code="E401", message=message)
        case UnknownName():
            known = error.known or tuple(n for n in context if n not in HELPERS)
            said = (
                str(error.message) if error.known else f"{error.name!r} is not defined"
            )
            return Problem(
                path=path,
                line=line,
                code="E403",
                message=_plain(said),
                help=suggestion(error.name, known),
            )
        case jinja2.exceptions.SecurityError():
            message = f"not allowed in a template: {error.message}"
            return Problem(path=path, line=line, code="E405", message=message)
    message = f"{_kind(error)}: {error}"
    return Problem(path=path, line=line, code="E404", message=message)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "did you mean 'event'?", or what there is to choose from."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"


def _plain(message: str) -> str:
    """Say "the event has no 'whn'", not which class of ours has no attribute."""
    owner, found, rest = message.partition(" object' has no attribute ")
    if not found:
        return message
    kind = owner.rpartition(".")[2].strip("'").removesuffix("View")
    kind = "recipient" if kind.endswith("Recipient") else kind.lower()
    return f"the {kind} has no {rest}"


def _kind(error: Exception) -> str:
    if isinstance(error, jinja2.TemplateError):
        return "cannot be rendered"
    return f"cannot be rendered ({type(error).__name__})"


def _place(
    error: Exception, show: Callable[[str], tuple[str, int] | None]
) -> tuple[str, int]:
    if isinstance(error, jinja2.TemplateSyntaxError):
        shown = show(error.filename or error.name or "")
        path, shift = shown or (error.filename or error.name or "", 0)
        return path, error.lineno + shift
    place = ("templates", 0)
    for filename, line in _frames(error.__traceback__):
        shown = show(filename)
        if shown is not None:
            place = (shown[0], line + shown[1])
    return place


def _frames(traceback: TracebackType | None) -> Iterable[tuple[str, int]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
