"""Load the settings that a model declares from the environment, ``.env``, files and credentials."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import attrs
from msgspec import Struct

from bot.configuration import fields, sentences, sources
from bot.configuration.fields import Missing, Secret
from bot.errors import StartRefused

UNSET: Final = "unset"
"""Placeholder for a missing secret, so that the other settings can be evaluated."""
HIDDEN: Final = "(hidden)"

if TYPE_CHECKING:
    S = TypeVar("S", bound=attrs.AttrsInstance)
else:
    S = TypeVar("S")


class Declared(Struct, Generic[S], frozen=True, kw_only=True):
    """The settings as declared by a model."""

    model: type[S]
    names: sources.SettingNames
    required: tuple[str, ...]
    """The fields of the secrets that may be required."""
    in_clear: Callable[[S], Collection[str]]
    """Returns the names of secrets that contain nothing secret with these settings and may be shown."""

    def validated(self, texts: Mapping[str, str]) -> tuple[S | None, dict[str, ValueError]]:
        """Parse the texts. Return the settings, or the first error of each invalid one."""
        values, errors = fields.read(self.model, texts)
        settings = None if errors else self.model(**values)
        return settings, {name.upper(): error for name, error in errors.items()}

    def sentence(self, name: str, error: ValueError) -> str:
        """Say what to correct."""
        return sentences.sentence(error, attrs.fields_dict(self.model)[name.lower()])


class EffectiveSetting(Struct, frozen=True, kw_only=True):
    """A setting as ``tunesmith config`` shows it."""

    name: str
    value: str
    origin: str
    problem: str | None = None
    """A sentence that says what to correct, if the value can't be used."""


class Effective(Struct, Generic[S], frozen=True, kw_only=True):
    """All settings with their origins, whether they can be used or not."""

    settings: S | None
    """None if there is a problem."""
    rows: list[EffectiveSetting]
    problems: list[str]
    """The problems that prevent a start, the most important first."""
    warnings: list[str]

    def usable(self) -> S:
        """Return the settings. Raises StartRefused if there is a problem."""
        if self.settings is None:
            raise StartRefused(self.problems[0])
        return self.settings


def examine(declared: Declared[S], env_file: Path) -> Effective[S]:
    """Return every setting with its origin and its problem, if any."""
    sources_ = sources.gather(declared.names, env_file, os.environ)
    texts = {name.lower(): value.text for name, value in sources_.values.items()}
    settings, errors = declared.validated(texts)
    unread = {problem.name for problem in sources_.problems}
    wrong = {name: declared.sentence(name, error) for name, error in errors.items() if name not in unread}
    wrong |= {problem.name: problem.sentence for problem in sources_.problems if problem.name is not None}
    missing = [name for name, error in errors.items() if isinstance(error, Missing) and name not in unread]
    problems = [
        *(problem.sentence for problem in sources_.problems),
        *([sentences.missing(missing)] if len(missing) > 1 else []),
        *(declared.sentence(name, error) for name, error in errors.items() if name not in unread),
    ]
    return Effective(
        settings=None if problems else settings,
        rows=list(_rows(declared, sources_, texts, wrong, missing)),
        problems=problems,
        warnings=list(_warnings(sources_, env_file)),
    )


def load_for_database(declared: Declared[S], env_file: Path) -> S:
    """Load the settings of a command that only uses the database; other secrets may be missing or invalid.

    Raises:
        StartRefused: one sentence that names the offending variable and shows no value.
    """
    sources_ = sources.gather(declared.names, env_file, os.environ)
    secrets = declared.names.secrets - {"DATABASE_URL"}
    texts = {name.lower(): value.text for name, value in sources_.values.items()}
    for name in declared.validated(texts)[1].keys() & secrets:
        texts[name.lower()] = UNSET
    settings, errors = declared.validated(dict.fromkeys(declared.required, UNSET) | texts)
    problems = [problem.sentence for problem in sources_.problems if problem.name not in secrets]
    problems += [declared.sentence(name, error) for name, error in errors.items() if name not in secrets]
    if settings is None or problems:
        raise StartRefused(problems[0])
    return settings


def with_answers(declared: Declared[S], answers: Mapping[str, str]) -> S:
    """Combine these answers with the environment into settings; the answers take precedence.

    Raises:
        StartRefused: one sentence that names the offending setting and shows no value.
    """
    answered = {name.upper() + suffix for name in answers for suffix in ("", sources.FILE_SUFFIX)}
    environ = {name: text for name, text in os.environ.items() if name.upper() not in answered}
    sources_ = sources.gather(declared.names, None, environ)
    problems = [one.sentence for one in sources_.problems if (one.name or "").lower() not in answers]
    texts = {name.lower(): value.text for name, value in sources_.values.items()} | dict(answers)
    settings, errors = declared.validated(texts)
    problems += [declared.sentence(name, error) for name, error in errors.items()]
    if settings is None or problems:
        raise StartRefused(problems[0])
    return settings


def _rows(
    declared: Declared[S],
    sources_: sources.Gathered,
    texts: Mapping[str, str],
    wrong: Mapping[str, str],
    missing: Collection[str],
) -> Iterator[EffectiveSetting]:
    usable = {name: text for name, text in texts.items() if name.upper() not in wrong}
    # The effective values of valid settings do not depend on secrets.
    effective, _ = declared.validated(dict.fromkeys(declared.required, UNSET) | usable)
    for name in declared.names.all:
        value = sources_.values.get(name)
        problem = wrong.get(name)
        if problem is not None or effective is None:
            written = "(missing)" if name in missing else "(invalid)"
        elif name in declared.names.secrets and name in declared.in_clear(effective):
            written = getattr(effective, name.lower()).get_secret_value()
        elif name in declared.names.secrets:
            written = HIDDEN if value is not None else "(not set)"
        else:
            written = sentences.as_written(getattr(effective, name.lower()))
        default = attrs.fields_dict(declared.model)[name.lower()].default
        has_default = name not in declared.names.secrets or isinstance(default, Secret)
        origin = "default" if problem is None and has_default else "-"
        yield EffectiveSetting(
            name=name, value=written, origin=origin if value is None else value.origin, problem=problem
        )


def _warnings(sources_: sources.Gathered, env_file: Path) -> Iterator[str]:
    if sources.readable_by_others(env_file):
        yield _readable(str(env_file), env_file)
    for name, value in sources_.values.items():
        if value.file is not None and sources.readable_by_others(value.file, owned=True):
            yield _readable(f"{name}{sources.FILE_SUFFIX}", value.file)


def _readable(name: str, file: Path) -> str:
    return f"{name} is readable by others; run `chmod 600 {file}`."
