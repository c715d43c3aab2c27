"""
A calendar's bytes cut into components and properties, each with its line.

icalendar reads the lines; where they stand in the file only this knows. A line that is
none stands as a broken property, for whoever needs it to say so. Knows no event.
Source: RFC 5545 §3.1 (content lines, folding), §3.6 (components).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from icalendar.parser import Contentline

MAX_DEPTH = 10
_BOM = b"\xef\xbb\xbf"


class CalendarError(ValueError):
    """The bytes are no calendar, or only half of one; *line* counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """
    A property; its value without backslashes, and in `raw` the unfolded line.

    A broken one has an `error`, and at most a name.
    """

    name: str
    value: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    line: int
    raw: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A VCALENDAR, VEVENT or the like."""

    name: str
    line: int
    properties: list[Property] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)

    def all(self, name: str) -> list[Property]:
        """Return the properties of this name, in their order."""
        return [one for one in self.properties if one.name == name]

    def first(self, *names: str) -> Property | None:
        """Return the first that has a value, of the first name that has one."""
        for name in names:
            for one in self.all(name):
                if one.value.strip() or one.error:
                    return one
        return None

    def named(self, name: str) -> Iterator[Component]:
        """Yield the components of this name, directly below."""
        return (one for one in self.components if one.name == name)

    def text(self) -> str:
        """Return the component as RFC 5545 writes it, unfolded."""
        inner = [one.raw for one in self.properties]
        inner += [one.text() for one in self.components]
        return "\r\n".join([f"BEGIN:{self.name}", *inner, f"END:{self.name}"])


def read_calendars(raw: bytes) -> tuple[Component, ...]:
    """
    Return the calendars in *raw*, at least one.

    Raises:
        CalendarError: these bytes are not a calendar, or break off before its end.

    """
    calendars: list[Component] = []
    open_ones: list[Component] = []
    last = 1
    for line, content in _unfolded(raw):
        last = line
        one = _property(content, line)
        if one.name == "BEGIN":
            component = Component(name=one.value.strip().upper(), line=line)
            _place(component, open_ones, calendars)
            open_ones.append(component)
        elif not open_ones:
            if calendars:  # what trails behind a calendar harms nobody
                continue
            msg = "this is not a calendar: it does not begin with BEGIN:VCALENDAR"
            raise CalendarError(msg, line)
        elif one.name == "END":
            ended = one.value.strip().upper()
            if ended != open_ones[-1].name:
                msg = f"END:{ended}, but {open_ones[-1].name} is open"
                raise CalendarError(msg, line)
            open_ones.pop()
        else:
            open_ones[-1].properties.append(one)
    if open_ones or not calendars:
        msg = "the calendar breaks off" if open_ones else "the calendar is empty"
        raise CalendarError(msg, last)
    return tuple(calendars)


def _place(
    component: Component, open_ones: list[Component], calendars: list[Component]
) -> None:
    if open_ones:
        open_ones[-1].components.append(component)
    elif component.name == "VCALENDAR":
        calendars.append(component)
    else:
        msg = "this is not a calendar: it does not begin with BEGIN:VCALENDAR"
        raise CalendarError(msg, component.line)
    if len(open_ones) > MAX_DEPTH:
        msg = f"components are nested more than {MAX_DEPTH} levels deep"
        raise CalendarError(msg, component.line)


def _unfolded(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield content lines; a fold may stand in the middle of a character."""
    content, begun = bytearray(), 1
    breaks = b"\n" if b"\n" in raw else b"\r"
    for number, line in enumerate(raw.removeprefix(_BOM).split(breaks), 1):
        part = line.removesuffix(b"\r")
        if part[:1] in (b" ", b"\t"):
            content += part[1:]
            continue
        if content.strip():
            yield begun, bytes(content)
        content, begun = bytearray(part), number
    if content.strip():
        yield begun, bytes(content)


def _property(content: bytes, line: int) -> Property:
    try:
        text = content.decode()
        name, parameters, value = Contentline(text).parts()  # type: ignore[no-untyped-call]
    except ValueError as error:
        name = content.replace(b":", b";").split(b";")[0].decode("ascii", "replace")
        is_text = not isinstance(error, UnicodeDecodeError)
        return Property(
            name=name.strip().upper(),
            line=line,
            raw=content.decode(errors="replace"),
            error="it is not a content line" if is_text else "it is not UTF-8 text",
        )
    flat = {
        key.upper(): given if isinstance(given, str) else ",".join(given)
        for key, given in parameters.items()
    }
    return Property(
        name=name.upper(), value=value, parameters=flat, line=line, raw=text
    )
