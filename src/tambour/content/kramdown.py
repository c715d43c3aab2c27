"""
What Jekyll's kramdown adds to CommonMark, as a plugin for markdown-it.

Attribute lists `{: .class #id key="value"}` after a span, after or before a block, in
front of a list item; their definitions `{:name: …}`; `{:toc}`; the extensions comment,
nomarkdown and options; `# Title {#id}`. Knows nothing of safety: whatever it sets is
sanitised afterwards. Not done: footnotes, definition lists, abbreviations, mathematics.
Source: https://kramdown.gettalong.org/syntax.html, release 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock, html_block
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

IAL = "kramdown_ial"
"""The type of the tokens that stand for an attribute list until it finds its owner."""

_BLOCK_LINE = re.compile(r"\{:(?![:/])(?:([\w-]+):(?=\s|\}))?((?:\\.|[^}\\])*)\}\s*$")
# Bounded, or a page of unclosed ones would be read to its end for each of them.
_SPAN = re.compile(r"\{:(?![:/])((?:\\.|[^}\\]){0,2000})\}")
_EXTENSION = re.compile(r"\{::(\w+)([^}]*?)(/?)\}")
_EXTENSION_END = re.compile(r"\{:/(\w*)\s*\}")
_HEADING_MARKS = re.compile(r"[ \t]*\{([#.][^{}]*)\}[ \t]*$")
_ITEM = re.compile(
    r"""\s*(?:(?P<key>[\w:-]+)=(?P<quote>["'])(?P<value>.*?)(?P=quote)
    |(?P<marks>(?:[.\#][^\s.\#"'={}]+)+)
    |(?P<ref>[\w-]+))(?=\s|$)""",
    re.VERBOSE,
)
_MARK = re.compile(r"([.#])([^.#]+)")
_SPAN_HTML = re.compile(
    r"</?(?:a|abbr|b|big|br|cite|code|del|em|font|i|img|ins|kbd|mark|q|s|small|span"
    r"|strike|strong|sub|sup|tt|u|wbr)(?=[\s/>])",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Attributes:
    """One attribute list as written; `complete` when nothing in it was odd."""

    classes: list[str] = field(default_factory=list)
    pairs: dict[str, str] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)
    complete: bool = True


def parse_attributes(text: str) -> Attributes:
    """Return what the inside of `{: … }` says, skipping what it cannot mean."""
    result = Attributes()
    position = 0
    for match in _ITEM.finditer(text):
        result.complete &= match.start() == position
        position = match.end()
        if match["key"]:
            result.pairs[match["key"]] = match["value"].replace("\\", "")
        elif match["ref"]:
            result.references.append(match["ref"])
        for mark, name in _MARK.findall(match["marks"] or ""):
            if mark == ".":
                result.classes.append(name)
            else:
                result.pairs["id"] = name
    result.complete &= not text[position:].strip()
    return result


def kramdown(md: MarkdownIt) -> None:
    """Add kramdown's attribute lists and extensions to *md*."""
    interrupts: RuleOptionsType = {
        "alt": ["paragraph", "reference", "blockquote", "list"]
    }
    md.block.ruler.before("table", "kramdown_extension", _extension_block, interrupts)
    md.block.ruler.before("table", IAL, _attribute_lines, interrupts)
    html_interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote"]}
    md.block.ruler.at("html_block", _html_block, html_interrupts)
    md.inline.ruler.before("emphasis", IAL, _span_list)
    md.core.ruler.before("inline", "kramdown_headings", _heading_marks)
    md.core.ruler.after("inline", IAL, _find_owners)


# ── Blocks ──────────────────────────────────────────────────────────────────────


def _line(state: StateBlock, number: int) -> str:
    start = state.bMarks[number] + state.tShift[number]
    return state.src[start : state.eMarks[number]]


def _stands_alone(state: StateBlock, line: int) -> bool:
    return state.sCount[line] >= state.blkIndent and not state.is_code_block(line)


def _attribute_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    if not _line(state, start).startswith("{:") or state.is_code_block(start):
        return False
    matches = list(_matching_lines(state, start, end))
    if not matches or silent:
        return bool(matches)
    state.line = start + len(matches)
    lists = []
    for match in matches:
        if match[1]:
            definitions = state.env.setdefault("kramdown", {})
            definitions[match[1]] = parse_attributes(match[2])
        else:
            lists.append(parse_attributes(match[2]))
    follows_block = (
        bool(state.tokens)
        and state.tokens[-1].nesting <= 0
        and not state.isEmpty(start - 1)
    )
    precedes_block = state.line < end and not state.isEmpty(state.line)
    if lists and (follows_block or precedes_block):
        token = state.push(IAL, "", 0)
        token.hidden = True
        token.meta = {"lists": lists, "backwards": follows_block}
    return True


def _matching_lines(state: StateBlock, start: int, end: int) -> Iterator[re.Match[str]]:
    for number in range(start, end):
        match = _BLOCK_LINE.match(_line(state, number))
        if match is None or (number > start and not _stands_alone(state, number)):
            return
        yield match


def _extension_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    line = _line(state, start).rstrip()
    if not line.startswith(("{::", "{:/")) or state.is_code_block(start):
        return False
    if _EXTENSION_END.fullmatch(line):
        return _skip(state, start + 1, silent=silent)
    match = _EXTENSION.fullmatch(line)
    if match is None:
        return False
    last = start
    if not match[3]:
        closing = re.compile(r"\{:/(?:" + match[1] + r")?\s*\}\s*$")
        ends = (n for n in range(start, end) if closing.match(_line(state, n)))
        last = next(ends, start)
    if not silent and match[1] == "nomarkdown" and last > start:
        token = state.push("html_block", "", 0)
        token.content = state.getLines(start + 1, last, state.blkIndent, True)  # noqa: FBT003 - markdown-it's signature
        token.map = [start, last + 1]
    return _skip(state, last + 1, silent=silent)


def _skip(state: StateBlock, line: int, *, silent: bool) -> bool:
    if not silent:
        state.line = line
    return True


def _html_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    # To CommonMark a lone <br> opens a block in which nothing is Markdown; to kramdown
    # it is a span, and what follows it stays Markdown.
    if _SPAN_HTML.match(_line(state, start)):
        return False
    return html_block(state, start, end, silent)


# ── Spans ───────────────────────────────────────────────────────────────────────


def _span_list(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    if not state.src.startswith("{:", state.pos):
        return False
    if state.src.startswith(("{::", "{:/"), state.pos):
        return _span_extension(state, silent=silent)
    match = _SPAN.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    attributes = parse_attributes(match[1])
    if not attributes.complete and (state.pending or not state.tokens):
        return False
    state.pos = match.end()
    if not silent:
        token = state.push(IAL, "", 0)
        token.meta = {"lists": [attributes]}
    return True


def _span_extension(state: StateInline, *, silent: bool) -> bool:
    opening = _EXTENSION.match(state.src, state.pos, state.posMax)
    if opening is None:
        stray = _EXTENSION_END.match(state.src, state.pos, state.posMax)
        state.pos = stray.end() if stray else state.pos
        return stray is not None
    end = state.pos = opening.end()
    if not opening[3] and (
        closing := _EXTENSION_END.search(state.src, end, state.posMax)
    ):
        state.pos = closing.end()
        if opening[1] == "nomarkdown" and not silent:
            state.push("html_inline", "", 0).content = state.src[end : closing.start()]
    return True


# ── Owners ──────────────────────────────────────────────────────────────────────


def _heading_marks(state: StateCore) -> None:
    for opening, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if opening.type == "heading_open" and (
            match := _HEADING_MARKS.search(inline.content)
        ):
            inline.content = inline.content[: match.start()]
            _give(opening, [parse_attributes(match[1])], {})


def _find_owners(state: StateCore) -> None:
    definitions: dict[str, Attributes] = state.env.get("kramdown", {})
    tokens = state.tokens
    for index, token in enumerate(tokens):
        if token.type == IAL:
            backwards = token.meta["backwards"]
            owner = (
                _opening(tokens, index - 1)
                if backwards
                else _next_block(tokens, index + 1)
            )
            if owner is not None:
                _give(tokens[owner], token.meta["lists"], definitions)
        elif token.children and any(child.type == IAL for child in token.children):
            parents = tokens[max(0, index - 2) : index]
            _find_span_owners(token.children, parents, definitions)
            token.children = [c for c in token.children if c.type != IAL]
    state.tokens = list(_without_contents([t for t in tokens if t.type != IAL]))


def _find_span_owners(
    children: Sequence[Token],
    parents: Sequence[Token],
    definitions: dict[str, Attributes],
) -> None:
    seen: list[Token] = []
    for child in children:
        if child.type != IAL:
            # Emphasis leaves empty texts behind where its stars were.
            if child.type != "text" or child.content:
                seen.append(child)
            continue
        if seen and seen[-1].type not in ("text", "html_inline", "softbreak"):
            owner = _opening(seen, len(seen) - 1)
            if owner is not None:
                _give(seen[owner], child.meta["lists"], definitions)
        elif not seen and parents and parents[0].type == "list_item_open":
            _give(parents[0], child.meta["lists"], definitions)


def _opening(tokens: Sequence[Token], index: int) -> int | None:
    while index >= 0 and tokens[index].type == IAL:
        index -= 1
    depth = 0
    for i in range(index, -1, -1):
        depth += tokens[i].nesting
        if depth >= 0:
            return i
    return None


def _next_block(tokens: Sequence[Token], index: int) -> int | None:
    if index < len(tokens) and tokens[index].nesting >= 0:
        return index
    return None


def _give(
    owner: Token,
    lists: Sequence[Attributes],
    definitions: dict[str, Attributes],
) -> None:
    for written in lists:
        named = [definitions[n] for n in written.references if n in definitions]
        for attributes in (*named, written):
            for name in attributes.classes:
                owner.attrJoin("class", name)
            for key, value in attributes.pairs.items():
                owner.attrSet(key, value)
        if "toc" in written.references:
            owner.meta["toc"] = True


def _without_contents(tokens: Sequence[Token]) -> Iterator[Token]:
    depth = 0
    for token in tokens:
        if depth or ("toc" in token.meta and token.type.endswith("list_open")):
            depth += token.nesting
            continue
        yield token
