"""Sources of the settings: the environment, ``.env``, files with secrets, credentials.

A secret can be given by value (``DISCORD_TOKEN``), by the name of a file that contains it
(``DISCORD_TOKEN_FILE``), or as a systemd credential (``$CREDENTIALS_DIRECTORY/discord_token``). Problems
are collected, not raised, so that ``tunesmith config`` can show all of them. No problem repeats a value: a
misplaced one may be a secret.
"""

import codecs
import io
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from bot.errors import StartRefused

if TYPE_CHECKING:
    from dotenv.parser import Binding

SECRET_FILE_SIZE_MAX: Final = 8_192
"""Maximum size of a file that contains a secret, in bytes. URLs have up to 2,000 characters."""
ENV_FILE_SIZE_MAX: Final = 1024**2
"""Maximum size of the settings file, in bytes."""
FILE_SUFFIX: Final = "_FILE"
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""The variable in which systemd passes the directory of a unit's credentials.
Source: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#Credentials."""
VARIABLE: Final = re.compile("[A-Z_]+|[a-z_]+")
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class SettingNames(Struct, frozen=True, kw_only=True):
    """The names of the settings, in upper case."""

    all: tuple[str, ...]
    secrets: frozenset[str]
    """Those that can also come from a file or a credential."""
    may_be_empty: frozenset[str] = frozenset()
    """Those for which an empty value differs from no value."""

    @property
    def accepted(self) -> tuple[str, ...]:
        """The names accepted in the environment and in ``.env``."""
        return (*self.all, *(name + FILE_SUFFIX for name in self.all if name in self.secrets))


class Value(Struct, frozen=True, kw_only=True):
    """The text of a setting, and where it comes from."""

    text: str
    origin: str
    file: Path | None = None
    """The file that contains only this secret."""


class Problem(Struct, frozen=True, kw_only=True):
    """A mistake for the operator to correct."""

    sentence: str
    name: str | None = None
    """The setting that could not be read, if the problem concerns only one."""


class Gathered(Struct, kw_only=True):
    """The texts found, and the problems encountered."""

    values: dict[str, Value] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def gather(names: SettingNames, env_file: Path | None, environ: Mapping[str, str]) -> Gathered:
    """Return the values of all settings that are set; the environment takes precedence over ``env_file``."""
    gathered = Gathered()
    accepted = set(names.accepted)
    in_file = {} if env_file is None else _read_env_file(env_file, names, gathered.problems)
    in_environment = {
        name.upper(): Value(text=text, origin="environment")
        for name, text in environ.items()
        if name.upper() in accepted
    }
    gathered.problems += _typos(environ, names)
    values = {
        name: value
        for name in names.accepted
        for value in [_choose(name, in_environment, in_file, keeps_empty=name in names.may_be_empty)]
        if value is not None
    }
    gathered.values = {name: value for name, value in values.items() if name in names.all}
    for name in names.all:
        if name in names.secrets:
            _add_secret(gathered, name, values.get(name + FILE_SUFFIX), environ.get(CREDENTIALS))
    return gathered


def readable_by_others(file: Path, *, owned: bool = False) -> bool:
    """Return whether users other than the owner can read a file.

    Group access counts only if this process owns the file: a root-owned file that a group may read is a
    common way to share a secret. With ``owned``, only files of this process count at all: a container's
    secrets belong to root, are readable by all, and can't be changed from inside.
    """
    try:
        status = file.stat()
    except OSError:
        return False
    if status.st_uid == os.geteuid():
        return bool(status.st_mode & (stat.S_IRGRP | stat.S_IROTH))
    return not owned and bool(status.st_mode & stat.S_IROTH)


def _choose(
    name: str, in_environment: Mapping[str, Value], in_file: Mapping[str, Value], *, keeps_empty: bool
) -> Value | None:
    values = [source[name] for source in (in_environment, in_file) if name in source]
    return next((value for value in values if value.text or keeps_empty), None)


def _add_secret(gathered: Gathered, name: str, pointer: Value | None, credentials: str | None) -> None:
    """Add a secret from its file or credential; it is a problem if there are two sources."""
    credential = Path(credentials, name.lower()) if credentials else None
    if credential is not None and not os.path.lexists(credential):
        credential = None
    places = [
        *([name] if name in gathered.values else []),
        *([] if pointer is None else [name + FILE_SUFFIX]),
        *([] if credential is None else [f"the credential {name.lower()}"]),
    ]
    if len(places) > 1:
        sentence = f"{places[0]} and {places[1]} are both set; keep only one of them."
        gathered.problems.append(Problem(name=name, sentence=sentence))
        return
    try:
        if pointer is not None:
            path = Path(pointer.text)
            text = _read_secret(path, f"{name}{FILE_SUFFIX} names a file that")
            gathered.values[name] = Value(text=text, origin=f"file {path}", file=path)
        elif credential is not None:
            text = _read_secret(credential, f"The credential {name.lower()}")
            gathered.values[name] = Value(text=text, origin=f"credential {name.lower()}")
    except StartRefused as refused:
        gathered.problems.append(Problem(name=name, sentence=str(refused)))


def _read_secret(path: Path, subject: str) -> str:
    # Editors and `echo` append a newline.
    text = _read(path, subject, SECRET_FILE_SIZE_MAX).rstrip("\r\n")
    if not text:
        raise StartRefused(f"{subject} is empty.")
    return text


def _read(path: Path, subject: str, size_max: int) -> str:
    """Return the text of a file without its byte order mark."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe or a terminal might never end
            raise StartRefused(f"{subject} is not a regular file.")
        with path.open("rb") as file:
            data = file.read(size_max + 1)
    except FileNotFoundError:
        raise StartRefused(f"{subject} does not exist.") from None
    except OSError as error:
        raise StartRefused(f"{subject} can't be read ({error.strerror}).") from None
    except ValueError:  # a null character in the path
        raise StartRefused(f"{subject} does not exist.") from None
    if len(data) > size_max:
        raise StartRefused(f"{subject} is larger than {size_max:,} bytes.")
    if data.startswith(UTF_16) or 0 in data[:2]:
        raise StartRefused(f"{subject} can't be read; it must be a UTF-8 text file, not UTF-16.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StartRefused(f"{subject} can't be read; it must be a UTF-8 text file.") from None


# -- .env


def _read_env_file(path: Path, names: SettingNames, problems: list[Problem]) -> dict[str, Value]:
    """Return the values in the settings file, or nothing if it does not exist."""
    if not os.path.lexists(path):
        return {}
    try:
        text = _read(path, str(path), ENV_FILE_SIZE_MAX)
    except StartRefused as refused:
        problems.append(Problem(sentence=str(refused)))
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - in a container, there is no such file
    from dotenv.parser import parse_stream  # noqa: PLC0415

    lines = list(parse_stream(io.StringIO(text)))
    problems += (problem for line in lines for problem in _problems_of_line(line, path, names))
    # With ${NAME} expanded, as in every program that uses this library.
    texts = dotenv_values(stream=io.StringIO(text))
    accepted = set(names.accepted)
    return {
        line.key.upper(): Value(
            text=texts.get(line.key) or "", origin=f"{path}, line {line.original.line + _blank_lines(line)}"
        )
        for line in lines
        if line.key is not None and line.key.upper() in accepted
    }


def _blank_lines(line: "Binding") -> int:
    """Return the number of blank lines before the text, which the library counts as part of it."""
    blank = line.original.string[: len(line.original.string) - len(line.original.string.lstrip())]
    return blank.count("\n")


def _problems_of_line(line: "Binding", path: Path, names: SettingNames) -> Iterator[Problem]:
    well_formed = line.key is None or (line.value is not None and VARIABLE.fullmatch(line.key))
    if line.error or not well_formed:
        # Its text is not repeated: it may be a secret.
        number = line.original.line + _blank_lines(line)
        yield Problem(sentence=f"Line {number} of {path} is not of the form NAME=value.")
    elif line.key is not None and line.key.upper() not in names.accepted:
        yield Problem(
            sentence=f"{line.key} in {path} is not a Tunesmith setting; remove it or correct its name."
        )


# -- typos


def _typos(environ: Collection[str], names: SettingNames) -> Iterator[Problem]:
    accepted = names.accepted
    for name in environ:
        if name.upper() in accepted:
            continue
        correction = next((right for right in accepted if is_typo(name.upper(), right)), None)
        if correction is not None:
            yield Problem(
                sentence=f"{name} in the environment looks like a typo of {correction}; correct its name."
            )


def is_typo(typed: str, right: str) -> bool:
    """Return whether one letter was dropped, added, replaced or swapped with the next."""
    if typed == right or abs(len(typed) - len(right)) > 1:
        return False
    same = next((at for at, (a, b) in enumerate(zip(typed, right, strict=False)) if a != b), None)
    if same is None:
        return True
    rest, right_rest = typed[same:], right[same:]
    return (
        rest[1:] == right_rest
        or rest == right_rest[1:]
        or rest[1:] == right_rest[1:]
        or (rest[:2] == right_rest[1::-1] and rest[2:] == right_rest[2:])
    )
