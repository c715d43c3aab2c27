"""
YAML as people typed it: every scalar stays source text, every key knows its line.

PyYAML's own typing turns `18:30` into 1110, `no` into False and `01000` into 512, so
only its C composer is used; whoever reads a value gives it a type. An unquoted empty
value, `null` or `~` is None. Source: YAML 1.1 §10.2.1 for what null looks like.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # libyaml is missing: three to six times slower, same result
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

NULL_TAG = "tag:yaml.org,2002:null"
MAX_NODES = 100_000
"""Aliases can make a small file huge; no honest front matter comes near this."""
MAX_DEPTH = 50
"""The C composer recurses without a net: `- - - …` of 200 KB ends the process."""

Path = tuple[str | int, ...]

_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"


class YamlError(Exception):
    """The text is not YAML we can read; `line` counts from 1 within the text."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """
    Plain dicts, lists, strings and None, with the line of each by its path.

    `duplicates` names keys given twice in one mapping (the last one wins, as in
    PyYAML), with the line of the repetition.
    """

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)
    duplicates: tuple[tuple[Path, int], ...] = ()

    def line(self, path: Path) -> int:
        """Return the line of *path*, or of its nearest ancestor that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str, *, first_line: int = 1) -> Document:
    """
    Parse one YAML document.

    Args:
        first_line: the line of the file at which *text* begins.

    Raises:
        YamlError: the text is not YAML, holds several documents, or is absurdly big.

    """
    try:
        _refuse_depths(text, first_line)
        root = yaml.compose(text, Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = max(len(text.splitlines()) - 1, 0)
        line = first_line + (min(mark.line, last) if mark else 0)
        raise YamlError(_plain(error), line) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error).splitlines()[0], first_line) from None
    walk = _Walk(first_line)
    data = walk.visit(root, ()) if root is not None else None
    return Document(data, walk.lines, tuple(walk.duplicates))


def _refuse_depths(text: str, first_line: int) -> None:
    """Count nesting from the parser's events, in texts that could nest at all."""
    if sum(map(text.count, "[{-?")) < 10 * MAX_DEPTH:  # as deep as C surely bears
        return
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            mark = event.start_mark
            raise YamlError(_TOO_DEEP, first_line + (mark.line if mark else 0))


def _plain(error: yaml.MarkedYAMLError) -> str:
    parts = (error.context, error.problem)
    return ", ".join(part for part in parts if part) or "not valid YAML"


class _Walk:
    """One pass over the composed nodes."""

    def __init__(self, first_line: int) -> None:
        self.first_line = first_line
        self.lines: dict[Path, int] = {}
        self.duplicates: list[tuple[Path, int]] = []
        self.count = 0

    def visit(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401 - YAML is a tree of anything
        line = node.start_mark.line + self.first_line
        self.lines.setdefault(path, line)
        self.count += 1
        if self.count > MAX_NODES:
            msg = f"more than {MAX_NODES} values: aliases that expand without end?"
            raise YamlError(msg, line)
        if len(path) > MAX_DEPTH:
            raise YamlError(_TOO_DEEP, line)
        if isinstance(node, yaml.ScalarNode):
            return None if node.tag == NULL_TAG and not node.style else node.value
        if isinstance(node, yaml.SequenceNode):
            return [self.visit(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + self.first_line
            if not isinstance(key_node, yaml.ScalarNode):
                msg = "a key must be a plain word"
                raise YamlError(msg, line)
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged = self.visit(value_node, path)
                for one in merged if isinstance(merged, list) else [merged]:
                    result = {**one, **result} if isinstance(one, dict) else result
                continue
            here = (*path, key_node.value)
            if here in self.lines and key_node.value in result:
                self.duplicates.append((here, line))
            self.lines[here] = line
            result[key_node.value] = self.visit(value_node, here)
        return result
