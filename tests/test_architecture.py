"""The shape of the source: which way imports go, and how large things may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "tambour"
ROOMS = (
    "model",
    "problems",
    "errors",
    "yamltext",
    "config",
    "pack",
    "content",
    "planning",
    "rendering",
    "composing",
    "channels",
    "ledger",
    "audience",
    "feeds",
    "project",
    "memory",
    "delivery",
    "simulation",
    "daemon",
    "cli",
    "__main__",
)
STRANGERS = {("channels", "ledger"), ("ledger", "channels")}
CLOCK_READERS = {"cli"}
FILES = sorted(SOURCE.rglob("*.py"))


def name(file: Path) -> str:
    """Return a short name for test ids."""
    return str(file.relative_to(SOURCE))


def room(file: Path) -> str:
    """Return the room that a file stands in."""
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def tree(file: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield (module, line) for each import below a node, wherever it stands."""
    for child in ast.walk(node):
        if isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative imports hide their direction"
            yield child.module or "", child.lineno
        elif isinstance(child, ast.Import):
            yield from ((alias.name, child.lineno) for alias in child.names)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_a_room_imports_only_from_those_above_it(file: Path) -> None:
    """Arrows go one way, counting imports inside functions and for typing."""
    here = room(file)
    if here == "__init__":
        return
    for module, line in imports(tree(file)):
        if not module.startswith("tambour."):
            continue
        there = module.split(".")[1]
        assert ROOMS.index(there) <= ROOMS.index(here), f"{name(file)}:{line}: {module}"
        assert (here, there) not in STRANGERS, f"{name(file)}:{line}: {module}"


@pytest.mark.parametrize("file", FILES, ids=name)
def test_imports_stand_at_the_top(file: Path) -> None:
    """Only commands may import late, for a quick start."""
    if room(file) == "cli":
        return
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert list(imports(node)) == [], f"{name(file)}:{node.lineno}"


def test_modules_import_each_other_without_cycles() -> None:
    """No module leads back to itself when it is imported."""
    files = {dotted(file): file for file in FILES}
    graph = {module: needed(file, set(files)) for module, file in files.items()}

    while leaves := [module for module, needs in graph.items() if not needs]:
        for leaf in leaves:
            del graph[leaf]
        for needs in graph.values():
            needs.difference_update(leaves)

    assert graph == {}


def dotted(file: Path) -> str:
    """Return a module's name."""
    path = name(file).removesuffix(".py").replace("/", ".")
    return f"tambour.{path}".removesuffix(".__init__")


def needed(file: Path, known: set[str]) -> set[str]:
    """Return the modules that a file needs while it is imported."""
    found: set[str] = set()
    for statement in tree(file).body:
        if isinstance(statement, ast.ImportFrom):
            base = statement.module or ""
            inside = {f"{base}.{alias.name}" for alias in statement.names} & known
            # A package is needed for its own names, not for the modules in it.
            is_package_only = len(inside) == len(statement.names)
            found |= inside if is_package_only else inside | {base}
        elif isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
    return (found & known) - {dotted(file)}


@pytest.mark.parametrize("file", FILES, ids=name)
def test_modules_and_functions_fit_a_head(file: Path) -> None:
    """A module has at most 400 lines, a function at most 70."""
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            assert size <= 70, f"{name(file)}:{node.lineno}: {node.name}"


def test_every_exception_is_caught_in_one_place_only() -> None:
    """`except Exception` has one home: the daemon's loop."""
    homes = [
        name(file)
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or ast.unparse(node.type) in {"Exception", "BaseException"}
        )
    ]

    assert homes == ["daemon.py"]


def test_the_clock_and_the_environment_have_few_readers() -> None:
    """Only the command line reads the clock, only the settings the environment."""
    clock = {"datetime.now", "time.time", "date.today", "datetime.today"}
    for file in FILES:
        for node in ast.walk(tree(file)):
            text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            here = f"{name(file)}:{getattr(node, 'lineno', 0)}"
            if text in clock:
                assert room(file) in CLOCK_READERS, here
            if text in {"os.environ", "os.getenv"}:
                assert name(file) == "config/reading.py", here


def test_no_name_says_nothing() -> None:
    """There is no drawer for things without a name."""
    empty = {"util", "utils", "helper", "helpers", "common", "manager", "service"}
    classes = ("Manager", "Helper", "Handler", "Service", "Factory", "Orchestrator")
    for file in FILES:
        assert file.stem not in empty
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.ClassDef):
                assert not node.name.endswith(classes), f"{name(file)}: {node.name}"
