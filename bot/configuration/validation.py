"""Readers and validators for the settings; ``bot.settings`` declares the fields."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import attrs

from bot.configuration.values import (
    PORT_DIGITS_MAX,
    PORT_MAX,
    URL_MAX,
    check_names,
    is_loopback,
    is_netloc,
    is_postgresql,
    is_snowflake,
)
from bot.database.opening import POSTGRESQL, SQLITE
from bot.discord_limits import CHOICES_MAX
from bot.model import GuildId
from bot.proxies import FORM, parse_proxy

if TYPE_CHECKING:
    from bot.configuration.fields import Secret


N = TypeVar("N", int, float)
T = TypeVar("T", bound=str)


def read_token(text: str) -> str:
    """Read a token or key, which is sent in a header."""
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("contains characters that no token has; copy it again")
    return text


def read_proxy(text: str) -> str:
    """Read the address of a proxy."""
    proxy = parse_proxy(text)
    if not is_netloc(proxy.address.partition("://")[2]):
        raise ValueError(FORM)
    return text


def read_url(text: str) -> str:
    """Read the address of a service."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if (
        not host
        or not is_netloc(parts.netloc.rpartition("@")[2])
        or parts.scheme not in ("https", "http")
        or port == 0
        or not (text.isascii() and text.isprintable() and len(text) <= URL_MAX)
    ):
        raise ValueError("must be a URL that begins with https://")
    if "@" in parts.netloc or any(char in "?#\\" or char.isspace() for char in text):
        raise ValueError("must be a URL without a user name, a question mark or a hash sign")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must begin with https://; http:// is allowed only for this machine (127.0.0.1)")
    return text.rstrip("/")


def read_api_url(text: str) -> str:
    """Read the address of Discord's API, and add the version unless it has a path."""
    url = read_url(text)
    return url + {"": "/api/v10", "/api": "/v10"}.get(urlsplit(url).path, "")


def read_word(text: str) -> str:
    """Read one word."""
    return check_names([text], "must be one word")[0]


def read_models(text: str) -> tuple[str, ...]:
    """Read the names of models."""
    names = check_names([name.strip() for name in text.split(",")], "must be model names separated by commas")
    if len(set(names)) != len(names) or len(names) > CHOICES_MAX:
        raise ValueError(f"must be up to {CHOICES_MAX} different model names")
    return tuple(names)


def read_guilds(text: str) -> frozenset[GuildId]:
    """Read the ids of servers."""
    ids = [part.strip() for part in text.split(",")]
    if not all(is_snowflake(part) for part in ids):
        raise ValueError("must be server ids separated by commas")
    return frozenset(GuildId(int(part)) for part in ids)


def read_object(text: str) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        parsed = json.loads(text)
        # Infinity and lone surrogates can be parsed, but not sent.
        json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ValueError('must be a JSON object like {"styleWeight": 0.6}')  # noqa: TRY004 - a bad value
    return parsed


def read_path(text: str) -> Path:
    """Read the path of a folder."""
    return Path(_printable(text))


def read_database_url(text: str) -> str:
    """Read the address of a database."""
    if _printable(text).startswith(POSTGRESQL):
        if not is_postgresql(text):
            raise ValueError("must name a user and a database, like postgresql://user:password@host/name")
    elif not text.startswith(SQLITE) or not Path(text.removeprefix(SQLITE)).name:
        raise ValueError(
            "must be sqlite:/// followed by the path of a file, like sqlite:///data/tunesmith.db"
        )
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("contains characters that no path has")
    return text


def read_listen(text: str) -> str:
    """Read an address and a port, or nothing."""
    host, _, port = text.rpartition(":")
    if text and not (
        text.isascii() and host and is_netloc(text) and len(port) <= PORT_DIGITS_MAX and int(port) <= PORT_MAX
    ):
        raise ValueError("must be an address and a port, like 127.0.0.1:8080, or empty for no server")
    return text


def read_switch(text: str) -> bool:
    """Read on or off."""
    try:
        return attrs.converters.to_bool(text)
    except ValueError:
        raise ValueError("must be on or off") from None


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Return a reader of whole numbers within these bounds."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError("must be a whole number") from None
        return _bounded(number, lowest, highest)

    return read


def decimal(lowest: float, highest: float) -> Callable[[str], float]:
    """Return a reader of numbers within these bounds."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError("must be a number")
        return _bounded(number, lowest, highest)

    return read


def _bounded(number: N, lowest: N, highest: N) -> N:
    if number < lowest:
        raise ValueError(f"must be at least {lowest}")
    if number > highest:
        raise ValueError(f"must be at most {highest}")
    return number


def one_of(*choices: T, any_case: bool = True) -> Callable[[str], T]:
    """Return a reader of one of these words, case-insensitive with ``any_case``."""

    def read(text: str) -> T:
        for choice in choices:
            if choice == text or (any_case and choice.casefold() == text.casefold()):
                return choice
        raise ValueError(f"must be one of {', '.join(choices[:-1])} or {choices[-1]}")

    return read


# -- checks against other settings


def check_processes(others: Any, _: "attrs.Attribute[int]", value: int) -> None:  # noqa: ANN401 - see fields.Validator
    """Refuse several processes on SQLite."""
    url: Secret | None = getattr(others, "database_url", None)
    if value > 1 and url is not None and not url.get_secret_value().startswith(POSTGRESQL):
        raise ValueError("needs a PostgreSQL database; set DATABASE_URL to its address")


def check_shard_count(others: Any, _: "attrs.Attribute[int | None]", value: int | None) -> None:  # noqa: ANN401 - see fields.Validator
    """Refuse shards that can't be shared evenly."""
    processes: int = getattr(others, "processes", 1)
    if value is not None and value % processes:
        raise ValueError(f"must be a multiple of PROCESSES, {processes}")
