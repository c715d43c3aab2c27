"""
The project's templates, with the default pack's behind them.

Opens a sandboxed Jinja2 for each language, where an unknown name is an error, HTML is
escaped, and the editor's own words (Markdown with variables) are escaped as Markdown.
Every failure leaves here as a TemplateError whose problem names a file and a line.
Knows nothing of events or recipients. Source: design §4 and §10.
"""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from tambour.errors import TemplateError
from tambour.pack import default_pack
from tambour.problems import Problem
from tambour.rendering import filters
from tambour.rendering.blame import FAULTS, Unknown, UnknownName, problem_of
from tambour.rendering.readers import Sentinels
from tambour.rendering.theme import FILE as THEME_FILE
from tambour.rendering.theme import Theme, load_theme, with_tokens
from tambour.rendering.words import Catalogue, catalogue, typeset

FOLDER = "templates"

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """An editor's words in a campaign file; *line* is where they begin there."""

    text: str
    path: str
    line: int
    is_markdown: bool = False


class Templates:
    """Finds, compiles and renders templates; changed files are noticed."""

    def __init__(
        self,
        root: Path,
        *,
        pack: Path | None = None,
        seed: str | None = None,
        is_styled: bool = True,
    ) -> None:
        """
        Open the templates of the project in *root*.

        Args:
            root: the project's folder; it need not have templates of its own.
            pack: the folder to fall back to, the default pack's unless given.
            seed: makes sentinels repeatable, for golden files only.
            is_styled: whether elements get their styles; who only looks at the
                words need not wait for it.

        """
        self.is_styled = is_styled
        self.root = root.resolve()
        packed = (pack or default_pack()).resolve()
        self.folders = tuple(
            dict.fromkeys((self.root / FOLDER, packed / FOLDER)).keys()
        )
        self.sentinels = Sentinels(seed=seed or secrets.token_hex(16))
        self._environments: dict[str, jinja2.Environment] = {}
        self._snippets: dict[tuple[Snippet, str], jinja2.Template] = {}
        self._trees: dict[tuple[str, Stamp], nodes.Template] = {}
        self._sheets: dict[tuple[str, Stamp], str] = {}
        self._themes: dict[Stamp, Theme] = {}
        self._theme_folders = self.folders
        self._packed: Templates | None = None

    # ── what there is ───────────────────────────────────────────────────────────

    def find(self, name: str) -> Path | None:
        """Return the file that *name* means, the project's own before the pack's."""
        paths = (folder / name for folder in self.folders)
        return next((path for path in paths if path.is_file()), None)

    def first(self, *names: str) -> str | None:
        """Return the first of *names* that exists."""
        return next((name for name in names if self.find(name)), None)

    def is_packed(self, name: str) -> bool:
        """Whether *name* is the pack's, which the project has not made its own."""
        path = self.find(name)
        return path is not None and path.is_relative_to(self.folders[-1])

    def packed(self) -> Templates:
        """Return the pack's templates without the project's, in the project's look."""
        if self._packed is None:
            pack = self.folders[-1].parent
            packed = Templates(
                self.root, pack=pack, seed=self.sentinels.seed, is_styled=self.is_styled
            )
            packed.folders = self.folders[-1:]
            self._packed = packed
        return self._packed

    def names(self) -> tuple[str, ...]:
        """Return all template names, those that others include left out."""
        found = {
            path.relative_to(folder).as_posix()
            for folder in self.folders
            for path in folder.glob("*/*.j2")
            if not path.name.startswith("_")
        }
        return tuple(sorted(found))

    def show(self, path: Path) -> str:
        """Return *path* as people should read it: within the project, if it is."""
        if path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return str(path)

    def syntax(self, name: str) -> nodes.Template | None:
        """
        Return the syntax tree of the template *name*, or None when there is none.

        Raises:
            TemplateError: it cannot be parsed.

        """
        path = self.find(name)
        if path is None:
            return None
        key = (name, _stamp(path))
        if key not in self._trees:
            text = self._read(path)
            self._trees[key] = self._parse(text, name=name, filename=str(path))
        return self._trees[key]

    def snippet_syntax(self, snippet: Snippet) -> nodes.Template:
        """
        Return the syntax tree of an editor's words.

        Raises:
            TemplateError: they cannot be parsed.

        """
        try:
            return self._environment("en").parse(snippet.text, filename=snippet.path)
        except FAULTS as error:
            self._raise(error, snippet=snippet)

    def theme(self) -> Theme:
        """
        Return the look's tokens.

        Raises:
            TemplateError: `theme.yaml` cannot be used.

        """
        files = self._theme_files()
        stamp = _stamp(*files)
        if stamp not in self._themes:
            theme = load_theme((file, self.show(file)) for file in files)
            self._themes = {stamp: theme}
        return self._themes[stamp]

    def stylesheet(self, name: str) -> str:
        """
        Return the style sheet *name* with the theme's values in it.

        Raises:
            TemplateError: it is missing, or names a token there is not.

        """
        path = self.find(name)
        if path is None:
            self.missing(name)
        key = (name, _stamp(path, *self._theme_files()))
        if key not in self._sheets:
            tokens, css = self.theme().tokens(), self._read(path)
            self._sheets[key] = with_tokens(css, tokens, shown=self.show(path))
        return self._sheets[key]

    def refuse(self, name: str, message: str) -> NoReturn:
        """
        Say that what the template *name* makes cannot be sent.

        Raises:
            TemplateError: always.

        """
        path = self.show(self.find(name) or Path(FOLDER, name))
        problem = Problem(path=path, line=0, code="E404", message=message)
        msg = f"{path}: {message}"
        raise TemplateError(msg, (problem,))

    def _theme_files(self) -> tuple[Path, ...]:
        """Return the files of the look, the project's last, which wins."""
        files = (folder / THEME_FILE for folder in reversed(self._theme_folders))
        return tuple(file for file in files if file.is_file())

    def _read(self, path: Path) -> str:
        raw = path.read_bytes()
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            problem = Problem(
                path=self.show(path),
                line=raw.count(b"\n", 0, error.start) + 1,
                code="E402",
                message="the file is not UTF-8 text",
                help="save it again as UTF-8",
            )
            raise TemplateError(problem.message, (problem,)) from error

    # ── rendering ───────────────────────────────────────────────────────────────

    def render(self, name: str, *, language: str, context: Mapping[str, Any]) -> str:
        """
        Return what the template *name* makes of *context*.

        Raises:
            TemplateError: it is missing, or fails.

        """
        if self.find(name) is None:
            self.missing(name)
        environment = self._environment(language)
        try:
            return environment.get_template(name).render(context)
        except FAULTS as error:
            self._raise(error, names=(*context, *environment.globals))

    def render_snippet(
        self, snippet: Snippet, *, language: str, context: Mapping[str, Any]
    ) -> str:
        """
        Return an editor's words with their variables filled in.

        Raises:
            TemplateError: they name something there is not, or fail.

        """
        environment = self._environment(language)
        try:
            return self._compiled(snippet, language).render(context)
        except FAULTS as error:
            names = (*context, *environment.globals)
            self._raise(error, names=names, snippet=snippet)

    def missing(self, name: str, *, path: str = "", line: int = 0) -> NoReturn:
        """
        Say that there is no template *name*, and what there is.

        Args:
            name: the template that is wanted.
            path: the file that wants it, if any did.
            line: where that file does.

        Raises:
            TemplateError: always.

        """
        alike = [
            one
            for one in self.names()
            if one.split("/")[0] == name.split("/", maxsplit=1)[0]
        ]
        near = difflib.get_close_matches(name, alike, n=1)
        there = f"there is {', '.join(alike)}"
        problem = Problem(
            path=path or f"{FOLDER}/{name}",
            line=line,
            code="E401",
            message=f"there is no template {FOLDER}/{name}",
            help=f"did you mean {near[0]}? {there}" if near else there,
        )
        raise TemplateError(problem.message, (problem,))

    def _compiled(self, snippet: Snippet, language: str) -> jinja2.Template:
        key = (snippet, language)
        if key not in self._snippets:
            environment = self._environment(language)
            if snippet.is_markdown:
                environment = environment.overlay(finalize=filters.as_markdown)
            code = environment.compile(snippet.text, snippet.path, snippet.path)
            self._snippets[key] = jinja2.Template.from_code(
                environment, code, environment.make_globals(None)
            )
        return self._snippets[key]

    def _environment(self, language: str) -> jinja2.Environment:
        if language not in self._environments:
            environment = _make_environment(self.folders)
            environment.globals.update(
                t=_Translate(catalogue(language)),
                language=language,
                direction=catalogue(language).direction,
                stylesheet=lambda name: Markup(self.stylesheet(name)),  # noqa: S704 - the project's own file
            )
            environment.filters["typeset"] = lambda text, own=language: typeset(
                text, own
            )
            self._environments[language] = environment
        environment = self._environments[language]
        environment.globals["theme"] = self.theme()
        return environment

    def _parse(self, text: str, *, name: str, filename: str) -> nodes.Template:
        try:
            return self._environment("en").parse(text, name, filename)
        except FAULTS as error:
            self._raise(error)

    def _raise(
        self,
        error: Exception,
        *,
        names: tuple[str, ...] = (),
        snippet: Snippet | None = None,
    ) -> NoReturn:
        def show(filename: str) -> tuple[str, int] | None:
            if snippet is not None and filename == snippet.path:
                return snippet.path, snippet.line - 1
            path = Path(filename)
            if any(path.is_relative_to(folder) for folder in self.folders):
                return self.show(path), 0
            return None

        problem = problem_of(error, show=show, context=names)
        msg = f"{problem.path}:{problem.line}: {problem.message}"
        raise TemplateError(msg, (problem,)) from error


class _Translate:
    """`t("register")`: a fixed word in the reader's language."""

    def __init__(self, words: Catalogue) -> None:
        self._words = words

    def __call__(self, key: str, **values: object) -> str:
        if key not in self._words.words:
            message = f"there is no word {key!r}"
            raise UnknownName(message, name=key, known=self._words.words)
        return self._words.text(key, **values)


def _make_environment(folders: tuple[Path, ...]) -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader(one) for one in folders]),
        undefined=Unknown,
        autoescape=_is_html,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
    )
    environment.filters.update(
        capitalize_first=filters.capitalize_first,
        excerpt=filters.excerpt,
        plain_spaces=filters.plain_spaces,
        shorten=filters.shorten,
        wrap=filters.wrap,
    )
    return environment


def _is_html(name: str | None) -> bool:
    return name is not None and name.endswith((".html.j2", ".html"))


def _stamp(*paths: Path) -> Stamp:
    stats = ((str(path), path.stat()) for path in paths)
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)
