"""What an operator can set: environment variables or a ``.env`` file, read once at the start."""

import io
import json
import os
import re
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from dotenv.parser import Binding, parse_stream
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot.errors import StartRefused
from bot.model import Period
from bot.store.ledger import Defaults

NUMBER_MAX: Final = 10**9
MODELS_MAX: Final = 25
"""Choices of one option. Source: https://docs.discord.com/developers/interactions/application-commands."""
MODEL_NAME_MAX: Final = 50

Count = Annotated[int, Field(ge=0, le=NUMBER_MAX)]
CountFromOne = Annotated[int, Field(ge=1, le=NUMBER_MAX)]


class Settings(BaseSettings):
    """Every setting; its description is what ``.env.example`` and the README say about it."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    discord_token: SecretStr = Field(description="The bot's token, from the Discord developer portal.")
    discord_api_url: str = Field(
        default="https://discord.com/api/v10",
        description="Discord's REST API, or a proxy or stand-in for it; it tells the gateway's address too.",
    )
    music_api_key: SecretStr = Field(description="The key of the music API.")
    music_api_url: str = Field(default="https://sseedance.com", description="Where the music API is.")
    music_provider: str = Field(default="kie", description="The provider that every request names.")
    music_models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("V5",), description="Models on offer, separated by commas; the first is the default."
    )
    music_options: Annotated[dict[str, Any], NoDecode] = Field(
        default={}, description="A JSON object that is sent as options with every request."
    )
    music_extras: bool = Field(
        default=False,
        description="Whether members may say what a song is to avoid, and whose voice sings (avoid, voice).",
    )
    database_url: str = Field(
        default="sqlite:///data/tunesmith.db", description="The SQLite file: sqlite:/// and its path."
    )
    spool_dir: Path = Field(default=Path("data/spool"), description="The folder for finished songs.")
    spool_days: CountFromOne = Field(
        default=7, description="Days for which a finished song's files are kept."
    )
    words_days: CountFromOne = Field(
        default=90, description="Days for which a finished song's words are kept, and its buttons work."
    )
    song_credits: Count = Field(default=10, description="What a song costs a server, in credits.")
    guild_credits: Count = Field(
        default=100,
        description="A server's allowance in each period, in credits, unless its managers set another.",
    )
    credit_period: Period = Field(
        default=Period.MONTH, description="When the allowance renews: day, week or month (UTC)."
    )
    guild_credits_max: Count | None = Field(
        default=None,
        description="The most that any server may use in a period, in credits. With it the period is "
        "CREDIT_PERIOD for all, and only the operator grants and refunds.",
    )
    open_jobs_per_member: CountFromOne = Field(
        default=2, description="Songs that one member may have in the making at a time, in one server."
    )
    open_jobs_per_guild: CountFromOne = Field(
        default=10, description="Songs that one server may have in the making at a time."
    )
    poll_pace: float = Field(
        default=1.0,
        ge=0.001,
        le=100,
        allow_inf_nan=False,
        description="Scales every wait between two questions to the music API; 0.5 asks twice as often.",
    )
    operator_webhook_url: SecretStr | None = Field(
        default=None, description="A Discord webhook that is told what only the operator can mend."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO",
        description="The least important lines that are logged: DEBUG, INFO, WARNING or ERROR.",
    )
    log_format: Literal["console", "json"] = Field(
        default="console",
        description="How lines are logged: console for people, or json with one object a line.",
    )
    http_listen: str = Field(
        default="127.0.0.1:8080",
        description="Where /healthz and /metrics are served: an address and a port, 0 for a free one. "
        "Empty: nowhere.",
    )

    @property
    def database_path(self) -> Path:
        """Where the SQLite file lies."""
        return Path(self.database_url.removeprefix(_SQLITE))

    @property
    def credit_defaults(self) -> Defaults:
        """The credits of a server whose managers have set nothing."""
        return Defaults(
            allowance=self.guild_credits,
            period=self.credit_period,
            ceiling=self.guild_credits_max,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be shown nowhere."""
        kept = (self.discord_token, self.music_api_key, self.operator_webhook_url)
        return tuple(one.get_secret_value() for one in kept if one is not None)

    @property
    def listen(self) -> tuple[str, int] | None:
        """The host and the port of the health server, or None for no server."""
        host, _, port = self.http_listen.rpartition(":")
        return (host.strip("[]"), int(port)) if self.http_listen else None

    @field_validator("discord_token", "music_api_key", mode="before")
    @classmethod
    def _fits_into_a_header(cls, value: object) -> object:
        if isinstance(value, str) and not (value.isascii() and value.isprintable() and " " not in value):
            raise ValueError("has characters that no token has; copy it again")
        return value

    @field_validator("operator_webhook_url")
    @classmethod
    def _is_a_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value is None else SecretStr(cls._is_an_address(value.get_secret_value()))

    @field_validator("discord_api_url", "music_api_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if (
            not host
            or not _is_place(parts.netloc.rpartition("@")[2])
            or parts.scheme not in ("https", "http")
            or port == 0
            or not (value.isascii() and value.isprintable() and len(value) <= _ADDRESS_MAX)
        ):
            raise ValueError("must be an address that begins with https://")
        if "@" in parts.netloc or any(char in "?#\\" or char.isspace() for char in value):
            raise ValueError("must be an address without a user name, a question mark or a hash sign")
        if parts.scheme == "http" and not _is_loopback(host):
            raise ValueError("must begin with https://; http:// is for this machine only (127.0.0.1)")
        return value.rstrip("/")

    @field_validator("discord_api_url")
    @classmethod
    def _names_the_version(cls, value: str) -> str:
        path = urlsplit(value).path
        return value + {"": "/api/v10", "/api": "/v10"}.get(path, "")

    @field_validator("music_provider")
    @classmethod
    def _is_one_word(cls, value: str) -> str:
        return _names([value], "must be one word")[0]

    @field_validator("music_models", mode="before")
    @classmethod
    def _are_names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = _names([name.strip() for name in value.split(",")], "must be model names separated by commas")
        if len(set(names)) != len(names) or len(names) > MODELS_MAX:
            raise ValueError(f"must be up to {MODELS_MAX} different model names")
        return tuple(names)

    @field_validator("music_options", mode="before")
    @classmethod
    def _is_an_object(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            parsed = json.loads(value)
            # Infinity and half of an emoji can be read, but not sent.
            json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise ValueError('must be a JSON object like {"styleWeight": 0.6}')  # noqa: TRY004 - a bad value
        return parsed

    @field_validator("spool_dir", "database_url", mode="before")
    @classmethod
    def _is_printable(cls, value: object) -> object:
        if isinstance(value, str) and not value.isprintable():
            raise ValueError("has characters that no path has")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_a_file(cls, value: str) -> str:
        if not value.startswith(_SQLITE) or not Path(value.removeprefix(_SQLITE)).name:
            raise ValueError("must be sqlite:/// and the path of a file, like sqlite:///data/tunesmith.db")
        return value

    @field_validator("http_listen")
    @classmethod
    def _can_be_listened_on(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (
            value.isascii() and host and _is_place(value) and len(port) <= _DIGITS and int(port) <= _PORT_MAX
        ):
            raise ValueError("must be an address and a port, like 127.0.0.1:8080, or empty for no server")
        return value

    @field_validator("log_format", mode="before")
    @classmethod
    def _in_small_letters(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    # The last one of its kind runs first.
    @field_validator("*", mode="before")
    @classmethod
    def _is_not_padded(cls, value: object) -> object:
        if isinstance(value, str) and value != value.strip():
            raise ValueError("has a space at its start or end; remove it")
        return value


_SQLITE = "sqlite:///"


def _names(found: list[str], complaint: str) -> list[str]:
    if not all(
        name and name.isprintable() and " " not in name and len(name) <= MODEL_NAME_MAX for name in found
    ):
        raise ValueError(complaint)
    return found


_PLACE = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:@]*)(:\d+)?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_ADDRESS_MAX = 2_000
_DIGITS, _PORT_MAX = 5, 65_535


def _is_place(netloc: str) -> bool:
    """Whether a request can be sent there: an IP address or a name that DNS can carry, and perhaps a port."""
    found = _PLACE.fullmatch(netloc)
    if found is None:
        return False
    host = found["host"].lower()
    try:
        if host.startswith("["):
            return ip_address(host[1:-1]).version == 6  # noqa: PLR2004
        if host.replace(".", "").isdigit():
            return bool(ip_address(host))
        labels = host.removesuffix(".").split(".")
        return all(_LABEL.fullmatch(one) and _decoded(one) for one in labels)
    except ValueError:
        return False


def _decoded(label: str) -> str:
    """The label as people write it. Raises ValueError if it is none."""
    return label.encode("ascii").decode("idna") if label.startswith("xn--") else label


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def names() -> tuple[str, ...]:
    """The names of all settings, as they stand in the environment."""
    return tuple(name.upper() for name in Settings.model_fields)


class GivenSettings(Settings):
    """Settings from what is passed in alone: no environment and no ``.env`` can reach a real database."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the given values."""
        return (init_settings,)


def load(env_file: Path = Path(".env")) -> Settings:
    """The settings of this start, from the environment before ``env_file``.

    Raises:
        StartRefused: one sentence that names the variable at fault and shows no value.
    """
    try:
        lines = list(parse_stream(io.StringIO(env_file.read_text("utf-8")))) if env_file.is_file() else []
    except (OSError, UnicodeDecodeError):
        raise StartRefused(f"{env_file} can't be read; it must be a text file in UTF-8.") from None
    _refuse_in_file(lines, env_file)
    _refuse_slips(os.environ)
    given: dict[str, Any] = {"http_listen": ""} if _is_emptied("HTTP_LISTEN", lines) else {}
    try:
        return Settings(_env_file=env_file, **given)  # type: ignore[call-arg] # the others come from outside
    except ValidationError as error:
        raise StartRefused(_sentence(error.errors(include_url=False, include_input=False)[0])) from None


def _is_emptied(name: str, lines: Iterable[Binding]) -> bool:
    """Whether a setting is given as empty, where that means something else than not to give it."""
    in_file = [line.value for line in lines if line.key is not None and line.key.upper() == name]
    in_environment = [value for key, value in os.environ.items() if key.upper() == name]
    return (in_file + in_environment)[-1:] == [""]


def _refuse_in_file(lines: Iterable[Binding], env_file: Path) -> None:
    for line in lines:
        if line.error or (line.key is not None and not _NAME.fullmatch(line.key)):
            # It is not repeated: what stands where a name should be may be a secret.
            raise StartRefused(
                f"Line {line.original.line} of {env_file} can't be read; write NAME=value, and nothing else."
            )
        if line.key is not None and line.key.upper() not in names():
            raise StartRefused(
                f"{line.key} in {env_file} is no setting of Tunesmith; remove it or correct its name."
            )


def _refuse_slips(environ: Iterable[str]) -> None:
    known = names()
    for name in environ:
        if name.upper() in known:
            continue
        meant = next((right for right in known if is_one_slip(name.upper(), right)), None)
        if meant is not None:
            raise StartRefused(f"{name} in the environment looks like a slip for {meant}; correct its name.")


_NAME = re.compile("[A-Z_]+|[a-z_]+")


def is_one_slip(typed: str, right: str) -> bool:
    """Whether one letter was dropped, added, replaced or swapped with the next."""
    if typed == right or abs(len(typed) - len(right)) > 1:
        return False
    same = next((at for at, (a, b) in enumerate(zip(typed, right, strict=False)) if a != b), None)
    if same is None:
        return True
    rest, wanted = typed[same:], right[same:]
    return (
        rest[1:] == wanted
        or rest == wanted[1:]
        or rest[1:] == wanted[1:]
        or (rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:])
    )


def _sentence(error: ErrorDetails) -> str:
    """What to correct, with the variable's name and without its value."""
    name = str(error["loc"][0]).upper()
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            field = Settings.model_fields[name.lower()]
            return f"{name} is missing; set it in the environment or in .env. {field.description}"
        case "value_error":
            return f"{name} {context['error']}."
        case "enum" | "literal_error":
            return f"{name} must be one of {context['expected']}.".replace("'", "")
        case "greater_than_equal" | "greater_than":
            bound = "at least" if "ge" in context else "more than"
            return f"{name} must be {bound} {next(iter(context.values()))}."
        case "less_than_equal":
            return f"{name} must be at most {context['le']}."
        case "int_parsing" | "int_from_float" | "int_type" | "int_parsing_size":
            return f"{name} must be a whole number."
        case "bool_parsing" | "bool_type":
            return f"{name} must be on or off."
        case "float_parsing" | "finite_number":
            return f"{name} must be a number."
        case _:
            return f"{name} has an impossible value ({error['type']})."
