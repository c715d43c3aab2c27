"""
Whether words must be rendered for each recipient, read off the templates' syntax.

`{{ recipient.name }}` alone can be filled in later; a condition, a filter or anything
deeper depends on the value, and so must see it. When in doubt the answer is yes, which
is slower and never wrong. Knows no files: it is given the syntax trees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from jinja2 import meta, nodes

from tambour.rendering.readers import UNSUBSCRIBE

RECIPIENT = "recipient"
SAME_FOR_ALL = frozenset({"language", UNSUBSCRIBE})
"""One language is rendered at a time, and the address to leave is always a sentinel."""

_CAPTURES = (
    nodes.AssignBlock,
    nodes.FilterBlock,
    nodes.Macro,
    nodes.CallBlock,
)
_BLOCK_CALLS = frozenset({"super", "self"})
_TREES = 128
"""Of how many templates the answers are kept; each edition asks twice."""


@lru_cache(maxsize=_TREES)
def looks_deeper(tree: nodes.Template) -> bool:
    """Return whether *tree* does more with the recipient than print an attribute."""
    return any(_deeper_uses(tree, is_captured=False))


def attributes(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    """Yield each attribute of the recipient that *tree* names, with its line."""
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        name = _attribute(node)
        if name is not None:
            yield name, node.lineno


def reachable(
    first: Iterable[nodes.Template], load: Callable[[str], nodes.Template | None]
) -> tuple[tuple[nodes.Template, ...], bool]:
    """
    Return all trees that *first* include, extend or import, themselves among them.

    The second value tells whether one of them names a template only at run time.
    """
    trees: list[nodes.Template] = list(first)
    seen: set[str] = set()
    is_dynamic = False
    for tree in trees:
        for name in _named_by(tree):
            if name is None:
                is_dynamic = True
            elif name not in seen:
                seen.add(name)
                found = load(name)
                trees += [found] if found is not None else []
    return tuple(trees), is_dynamic


@lru_cache(maxsize=_TREES)
def _named_by(tree: nodes.Template) -> tuple[str | None, ...]:
    return tuple(meta.find_referenced_templates(tree))


def _deeper_uses(node: nodes.Node, *, is_captured: bool) -> Iterator[bool]:
    if isinstance(node, nodes.Output) and not is_captured:
        children: Iterable[nodes.Node] = (
            child for child in node.nodes if not _is_bare(child)
        )
    elif _is_harmless(node):
        return
    else:
        children = node.iter_child_nodes()
    if isinstance(node, nodes.Name) and node.name == RECIPIENT:
        yield True
    if isinstance(node, nodes.Call) and _is_block_call(node):
        yield True
    captured = is_captured or isinstance(node, _CAPTURES)
    for child in children:
        yield from _deeper_uses(child, is_captured=captured)


def _is_bare(node: nodes.Node) -> bool:
    return _attribute(node) is not None or _is_block_call(node)


def _is_harmless(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Test) and node.name in ("defined", "undefined"):
        return isinstance(node.node, nodes.Name)
    return _attribute(node) in SAME_FOR_ALL


def _attribute(node: nodes.Node) -> str | None:
    if not isinstance(node, nodes.Getattr | nodes.Getitem):
        return None
    if not (isinstance(node.node, nodes.Name) and node.node.name == RECIPIENT):
        return None
    if isinstance(node, nodes.Getattr):
        return node.attr
    is_key = isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str)
    return node.arg.value if is_key else None  # type: ignore[attr-defined]


def _is_block_call(node: nodes.Node) -> bool:
    """Whether *node* prints a block whose words may hold a sentinel."""
    if not isinstance(node, nodes.Call):
        return False
    target = node.node
    if isinstance(target, nodes.Getattr):
        target = target.node
    return isinstance(target, nodes.Name) and target.name in _BLOCK_CALLS
