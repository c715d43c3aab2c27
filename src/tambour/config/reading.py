"""
config.yaml and the environment, read once into frozen settings.

The only reader of `os.environ`. Collects every problem before it gives up, each with
its line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from tambour.config.fields import Settings
from tambour.config.settings import NESTED, SECTIONS, Config
from tambour.errors import ConfigError
from tambour.problems import Problem, suggestion
from tambour.yamltext import Document, YamlError, parse
from tambour.yamltext import Path as YamlPath

CONFIG_FILE = "config.yaml"
_SHAPES = {
    "tuple_type": "a list is wanted; write [one, another]",
    "model_type": "keys are wanted; write {key: value}",
}
"""How people call what pydantic names after Python's types."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def load_config(
    root: Path, *, env: str | None = None, environ: Mapping[str, str] | None = None
) -> Config:
    """
    Read config.yaml, `config.<env>.yaml` over it, and the environment over both.

    Args:
        environ: the environment; the process's own when left out.

    Raises:
        ConfigError: with every problem found, each at its line.

    """
    reading = _Reading(root, os.environ if environ is None else environ)
    reading.add_file(CONFIG_FILE)
    if env is not None:
        reading.add_file(f"config.{env}.yaml")
    if reading.problems:
        raise reading.failure()
    reading.add_environment()
    data = reading.expanded(reading.data, ())
    secret = reading.secret("TAMBOUR_SECRET")
    given = {
        "root": root,
        "secret": SecretStr(secret) if secret else None,
        "machine": reading.environ.get("TAMBOUR_MACHINE") or None,
    }
    try:
        config = Config.model_validate(data, context=given)
    except ValidationError as error:
        reading.add_validation(error)
        raise reading.failure() from None
    if reading.problems:
        raise reading.failure()
    return config


class _Reading:
    """The merged text of the settings, and what is wrong with it so far."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self.root = root
        self.environ = environ
        self.data: dict[str, Any] = {}
        self.places: dict[YamlPath, tuple[str, int]] = {}
        self.problems: list[Problem] = []

    def failure(self) -> ConfigError:
        return ConfigError("the settings cannot be used", tuple(self.problems))

    def problem(self, where: YamlPath, code: str, message: str, mend: str = "") -> None:
        while where and where not in self.places:
            where = where[:-1]
        path, line = self.places.get(where, (CONFIG_FILE, 1))
        found = Problem(path=path, line=line, code=code, message=message, help=mend)
        if found not in self.problems:
            self.problems.append(found)

    def add_file(self, name: str) -> None:
        try:
            document = parse((self.root / name).read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            mend = "run `tambour init` to make a project, or name its folder with -C"
            self._add(name, 0, "E101", "the file does not exist", mend)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self._add(name, 0, "E101", reason, "mend the file or its rights")
        except YamlError as error:
            mend = "check the indentation and the quotes around this line"
            self._add(name, error.line, "E102", str(error), mend)
        else:
            self._merge(name, document)

    def _add(self, name: str, line: int, code: str, message: str, mend: str) -> None:
        self.problems.append(
            Problem(path=name, line=line, code=code, message=message, help=mend)
        )

    def _merge(self, name: str, document: Document) -> None:
        self.places.update({k: (name, v) for k, v in document.lines.items()})
        for path, line in document.duplicates:
            key = ".".join(map(str, path))
            mend = "keep one of the two"
            self._add(name, line, "E107", f"{key} is given twice", mend)
        if not isinstance(document.data, dict):
            mend = "start from the file that `tambour init` writes"
            self._add(name, 1, "E102", "the settings are not a list of keys", mend)
            return
        self.data = _merged(self.data, document.data)

    def add_environment(self) -> None:
        """Let TAMBOUR_CHANNELS__LETTRE__HOST set `channels.lettre.host`."""
        for name, value in sorted(self.environ.items()):
            parts = name.removeprefix("TAMBOUR_").lower().split("__")
            if not name.startswith("TAMBOUR_") or parts[0] not in Config.model_fields:
                continue
            over: Any = value
            for part in reversed(parts):
                over = {part: over}
            self.places[tuple(parts)] = (f"${name}", 0)
            self.data = _merged(self.data, over)

    def secret(self, name: str) -> str | None:
        """
        Return the variable *name*, or the content of the file `<name>_FILE` names.

        An unreadable file is a problem, never an empty secret.
        """
        if name in self.environ:
            return self.environ[name]
        file = self.environ.get(f"{name}_FILE")
        if file is None:
            return None
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            mend = f"mend {name}_FILE: it names a file that cannot be read"
            self.problem((), "E106", f"{name} cannot be read from its file", mend)
            return ""

    def expanded(self, value: Any, path: YamlPath) -> Any:  # noqa: ANN401 - any YAML
        """Replace variables everywhere, and leave out keys without a value."""
        if isinstance(value, dict):
            items = ((k, self.expanded(v, (*path, k))) for k, v in value.items())
            return {k: v for k, v in items if v is not None}
        if isinstance(value, list):
            return [self.expanded(v, (*path, i)) for i, v in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        return _VARIABLE.sub(lambda m: self._variable(m, path), value)

    def _variable(self, match: re.Match[str], path: YamlPath) -> str:
        value = self.secret(match[1])
        if value is not None and (value or match[2] is None):
            return value
        if match[2] is not None:
            return match[2]
        mend = f"set it, or give a default: ${{{match[1]}:-…}}"
        self.problem(path, "E106", f"{match[1]} is not set", mend)
        return ""

    def add_validation(self, error: ValidationError) -> None:
        failed = {p.line for p in self.problems if p.code == "E106"}
        for one in error.errors(include_url=False, include_input=False):
            where, names = _located(one["loc"])
            key = ".".join(map(str, where))
            if self.places.get(where, ("", 0))[1] in failed:
                continue
            match one["type"]:
                case "extra_forbidden":
                    mend = suggestion(str(where[-1]), names)
                    self.problem(where, "E103", f"unknown setting {key}", mend)
                case "missing" | "union_tag_not_found":
                    key = key if one["type"] == "missing" else f"{key}.type"
                    self.problem(where, "E105", f"{key} is missing", f"add {key}")
                case _:
                    said = one["msg"].removeprefix("Value error, ")
                    text = _SHAPES.get(one["type"], said)
                    self.problem(where, "E104", f"{key}: {text}")


def _located(loc: tuple[int | str, ...]) -> tuple[YamlPath, tuple[str, ...]]:
    """Split pydantic's location into the YAML path and the names known there."""
    model: type[Settings] = Config
    path: list[int | str] = []
    for depth, part in enumerate(loc):
        is_tag = depth == 2 and loc[0] in ("channels", "audiences")  # noqa: PLR2004 - below section and name
        is_nested = depth > 2 and part in NESTED  # noqa: PLR2004 - inside a channel
        is_named = depth == 0 or is_tag or is_nested
        model = SECTIONS.get(str(part), model) if is_named else model
        if not (is_tag and part in SECTIONS and loc[0] == "channels"):
            path.append(part)
    names = (field.alias or name for name, field in model.model_fields.items())
    return tuple(path), tuple(names)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Merge deeply; a mapping whose `type` changes is another thing, so it replaces."""
    if "type" in above and above["type"] != below.get("type", above["type"]):
        return above
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = _merged(old, value) if both and old is not None else value
    return result
