"""
Dialects: which keys of a site's front matter mean what, as data.

A dialect is a YAML file with `extends`, `map` and `rules`; those shipped are in
`presets/`, a project may add its own. Nothing here runs code from a dialect; its
patterns are regular expressions.
"""

from __future__ import annotations

import difflib
from dataclasses import fields
from functools import cache
from pathlib import Path

from tambour.content.dialect_file import DialectFile
from tambour.content.findings import Findings
from tambour.content.terms import Dialect, Rules
from tambour.problems import Problem
from tambour.yamltext import YamlError, parse

PRESETS = Path(__file__).parent / "presets"
_DEFAULT_BASE = "jekyll"


def preset_names() -> list[str]:
    """Return the names of the dialects that come with Tambour."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_dialect(
    name: str, *, root: Path, findings: Findings, line: int
) -> tuple[Dialect | None, tuple[Problem, ...]]:
    """
    Return a preset, or the project's own dialect if *name* ends in `.yaml`.

    Args:
        findings: of the file that names the dialect, in its *line*.

    Returns:
        No dialect if it is unknown or has an error, and the problems in its file.

    """
    if not name.endswith((".yaml", ".yml")):
        if name in preset_names():
            return _preset(name), ()
        message = f"there is no dialect {name!r}"
        findings.add("E211", line, message, mend=_suggest(name))
        return None, ()
    try:
        text = (root / name).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        findings.add("E211", line, f"the dialect {name} cannot be read: {reason}")
        return None, ()
    own = Findings(name)
    dialect = _read(text, own, default_base=_DEFAULT_BASE)
    return (None if own.has_error else dialect), own.problems


@cache
def _preset(name: str) -> Dialect:
    findings = Findings(name)
    text = (PRESETS / f"{name}.yaml").read_text("utf-8")
    dialect = _read(text, findings, default_base=None)
    if findings.problems:  # a fault of ours, which a test would have shown
        raise ValueError(findings.problems)
    return dialect


def _read(text: str, findings: Findings, *, default_base: str | None) -> Dialect:
    try:
        document = parse(text)
    except YamlError as error:
        findings.add("E211", error.line, f"not valid YAML: {error}")
        return Dialect()
    file = DialectFile(document, findings)
    name = file.base() or default_base
    base = Dialect()
    if name in preset_names():
        base = _preset(str(name))
    elif name is not None:
        file.complain(("extends",), f"there is no preset {name!r}", _suggest(name))
    mapped = file.fields()
    rules = {f.name: getattr(base.rules, f.name) for f in fields(Rules)}
    return Dialect(
        map={**base.map, **mapped},
        details=file.details() or base.details,
        rules=Rules(**{**rules, **file.rules()}),
    )


def _suggest(word: str) -> str:
    known = preset_names()
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(known)}, and a path that ends in .yaml"
