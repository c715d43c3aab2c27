"""
Whether a project's own parts fit the pack's templates that stand on them.

A project may keep a layout or macros from before a template of the pack that wants more
of them: a block, a macro. Words would be missing, or nothing would be rendered; so the
pack's own parts are used then, in the project's colours. Read off the syntax, so that
nothing has to fail first.
"""

from __future__ import annotations

from jinja2 import nodes

from tambour.rendering.personal import reachable
from tambour.rendering.templates import Templates


def fitting(templates: Templates, name: str) -> Templates:
    """
    Return *templates*, or the pack's alone where the project's do not fit *name*.

    A template of the project's own fits what is there, or is shown to be wrong.

    Raises:
        TemplateError: a template cannot be parsed.

    """
    tree = templates.syntax(name) if templates.is_packed(name) else None
    trees, _ = reachable([tree] if tree else [], templates.syntax)
    fits = all(_fits(templates, tree) for tree in trees)
    return templates if fits else templates.packed()


def _fits(templates: Templates, tree: nodes.Template) -> bool:
    parents = [_constant(node.template) for node in tree.find_all(nodes.Extends)]
    if any(
        parent and not _blocks(templates, parent) >= _own(tree) for parent in parents
    ):
        return False
    for node in tree.find_all(nodes.FromImport):
        there = templates.syntax(_constant(node.template))
        wanted = {one if isinstance(one, str) else one[0] for one in node.names}
        if there is not None and not wanted <= _exported(there):
            return False
    return True


def _own(tree: nodes.Template) -> set[str]:
    return {block.name for block in tree.find_all(nodes.Block)}


def _blocks(templates: Templates, name: str) -> set[str]:
    """Return the blocks that a child of the template *name* may fill."""
    tree = templates.syntax(name)
    trees, _ = reachable([tree] if tree else [], templates.syntax)
    return set().union(*map(_own, trees))


def _exported(tree: nodes.Template) -> set[str]:
    macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    names = {one.name for one in tree.find_all(nodes.Name) if one.ctx == "store"}
    return macros | names


def _constant(node: nodes.Expr) -> str:
    value = node.value if isinstance(node, nodes.Const) else ""
    return value if isinstance(value, str) else ""
