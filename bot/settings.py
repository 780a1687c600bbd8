"""The operator's settings: environment variables or a ``.env`` file, read once at startup."""

import functools
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from bot import sources
from bot.database.opening import POSTGRESQL, SQLITE
from bot.database.share import SLOTS_MAX
from bot.errors import StartRefused
from bot.model import Backend, GuildId, Period
from bot.music.backends import OFFERS, plain_contract
from bot.proxies import Proxy, parse_proxy
from bot.store.ledger import Defaults
from bot.store.servers import ServerPolicy
from bot.store.upstream import UpstreamTerms

NUMBER_MAX: Final = 10**9
MODELS_MAX: Final = 25
"""Maximum number of choices of a command option.
Source: https://docs.discord.com/developers/interactions/application-commands."""
MODEL_NAME_MAX: Final = 50
SNOWFLAKE_DIGITS_MAX: Final = 19
"""Maximum number of digits of a Discord id, as it fits into the database."""
URL_MAX: Final = 2_000
"""Maximum length of a URL, in characters."""
PORT_DIGITS_MAX: Final = 5
PORT_MAX: Final = 65_535
IPV6: Final = 6
TAKEOVER_MIN_S: Final = 5
"""Minimum of TAKEOVER_S: a shorter pause is no standstill."""
USER_INFO: Final = re.compile(r"(://)[^\s/@]+@")
"""A user name and password in a URL."""
NETLOC: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:@]*)(:\d+)?")
DNS_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
QUOTES: Final = ("'", '"')
ENV_FILE: Final = Path(".env")
UNSET: Final = "unset"
"""A secret in place of one that is missing, to show what the other settings result in."""
HIDDEN: Final = "(hidden)"

CONTRACTS: Final = {backend: plain_contract(backend) for backend in OFFERS}
KEY_FIELDS: Final = {backend: its.key_setting.lower() for backend, its in CONTRACTS.items()}
URL_FIELDS: Final = {backend: its.url_setting.lower() for backend, its in CONTRACTS.items()}
"""The fields that hold each service's key and address, as its contract names them."""
REQUIRED_FIELDS: Final = ("discord_token", *KEY_FIELDS.values())
"""The secrets that may be required; which key is depends on the service."""

Count = Annotated[int, Field(ge=0, le=NUMBER_MAX)]
CountFromOne = Annotated[int, Field(ge=1, le=NUMBER_MAX)]


class Settings(BaseModel):
    """All settings. Their descriptions also stand in ``.env.example`` and in the documentation.

    They are read from arguments only: ``load`` reads the environment and ``.env``.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, validate_default=True)

    discord_token: SecretStr = Field(description="The bot's token, from the Discord developer portal.")
    discord_api_url: str = Field(
        default="https://discord.com/api/v10",
        description="Base URL of Discord's REST API, or of a proxy for it. "
        "The gateway's URL comes from there, too.",
    )
    discord_proxy: SecretStr | None = Field(
        default=None,
        description="A proxy for everything at Discord: REST, gateway, attachments and OPERATOR_WEBHOOK_URL. "
        "http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before HOST if it asks for them.",
    )
    music_backend: Backend = Field(
        default=Backend.SSEEDANCE,
        description=f"The music service that makes new songs: {' or '.join(Backend)}. Models, their limits, "
        "the price and the URL follow from it unless set.",
    )
    music_proxy: SecretStr | None = Field(
        default=None,
        description="A proxy for everything at the music services, paid requests and audio included, in the "
        "same form as DISCORD_PROXY.",
    )
    music_provider: str = Field(default="kie", description="The provider named in every request.")
    music_models: tuple[str, ...] = Field(
        default=OFFERS[Backend.SSEEDANCE].models,
        description="The models members can choose from, separated by commas. The first is the default. "
        "If unset, they follow from MUSIC_BACKEND.",
    )
    music_options: dict[str, Any] = Field(
        default={}, description="A JSON object sent as `options` with every request."
    )
    music_extras: bool = Field(
        default=False,
        description="Whether members may set what a song should avoid and which voice sings it.",
    )
    database_url: SecretStr = Field(
        default=SecretStr("sqlite:///data/tunesmith.db"),
        description="The database: sqlite:/// followed by the path of the file, or the address of a "
        "PostgreSQL database: postgresql://user:password@host/name.",
    )
    processes: Annotated[int, Field(ge=1, le=SLOTS_MAX)] = Field(
        default=1,
        description="On PostgreSQL: how many processes share the work, the same number for all of them. More "
        "processes than that stand by.",
    )
    shard_count: CountFromOne | None = Field(
        default=None,
        description="Connections to Discord that all processes have together, a multiple of PROCESSES; empty "
        "for what Discord recommends.",
    )
    takeover_s: Annotated[int, Field(ge=TAKEOVER_MIN_S, le=NUMBER_MAX)] = Field(
        default=15,
        description="On PostgreSQL: how long the running bot may stand still before one that stands by "
        "takes over, in seconds.",
    )
    spool_dir: Path = Field(
        default=Path("data/spool"), description="The directory for the audio files of finished songs."
    )
    spool_days: CountFromOne = Field(
        default=7, description="How long the audio files of a finished song are kept, in days."
    )
    words_days: CountFromOne = Field(
        default=90,
        description="How long the texts of a finished song are kept and its buttons work, in days.",
    )
    song_credits: Count = Field(default=10, description="The price of a song, in credits.")
    guild_credits: Count = Field(
        default=100,
        description="The credits a server receives in each period, unless its managers set another number.",
    )
    credit_period: Period = Field(
        default=Period.MONTH, description="How often the allowance renews: every day, week or month (UTC)."
    )
    guild_credits_max: Count | None = Field(
        default=None,
        description="The most credits any server may use in a period; empty for no ceiling. "
        "If set, CREDIT_PERIOD applies to every server, and only the operator can grant and refund credits.",
    )
    guilds: frozenset[GuildId] = Field(
        default=frozenset(),
        description="The ids of the servers that are served, separated by commas; empty for no list. "
        "Elsewhere, the bot answers that it does not serve the server.",
    )
    new_guilds: Literal["all", "none"] = Field(
        default="all",
        description="Without GUILDS, whether a new server is served: all, or none until you run "
        "`tunesmith servers allow ID`.",
    )
    total_credits_max: Count = Field(
        default=10_000,
        description="The most credits that all servers together may use in a calendar month (UTC).",
    )
    open_jobs_per_member: CountFromOne = Field(
        default=2, description="How many unfinished songs one member may have at a time in a server."
    )
    open_jobs_per_guild: CountFromOne = Field(
        default=10, description="How many unfinished songs one server may have at a time."
    )
    poll_pace: float = Field(
        default=1.0,
        ge=0.001,
        le=100,
        allow_inf_nan=False,
        description="Scales every wait between two polls of the music API; 0.5 polls twice as often.",
    )
    operator_webhook_url: SecretStr | None = Field(
        default=None,
        description="A Discord webhook that receives alerts about problems only the operator can fix.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO",
        description="The lowest level that is logged: DEBUG, INFO, WARNING or ERROR.",
    )
    log_format: Literal["console", "json"] = Field(
        default="console",
        description="The log format: console for people, or json with one object per line.",
    )
    http_listen: str = Field(
        default="127.0.0.1:8080",
        description="The address and port that serve /healthz and /metrics; port 0 picks a free one. "
        "Set to nothing to serve neither.",
    )

    @property
    def on_postgresql(self) -> bool:
        """Whether the database is on a PostgreSQL server."""
        return self.database_url.get_secret_value().startswith(POSTGRESQL)

    @property
    def database_path(self) -> Path:
        """The path of the SQLite file.

        Raises:
            StartRefused: the database is on a PostgreSQL server.
        """
        if self.on_postgresql:
            raise StartRefused(
                "DATABASE_URL: this is for an SQLite file; use PostgreSQL's own tools, such as pg_dump."
            )
        return Path(self.database_url.get_secret_value().removeprefix(SQLITE))

    @property
    def database_place(self) -> Path | str:
        """The path of the SQLite file, or the address of the PostgreSQL database."""
        return self.database_url.get_secret_value() if self.on_postgresql else self.database_path

    @property
    def credit_defaults(self) -> Defaults:
        """The credits of a server whose managers have set nothing."""
        return Defaults(
            allowance=self.guild_credits,
            period=self.credit_period,
            ceiling=self.guild_credits_max,
        )

    @property
    def server_policy(self) -> ServerPolicy:
        """Which servers are served, unless the operator says otherwise with `tunesmith servers`."""
        return ServerPolicy(listed=self.guilds, serves_new=self.new_guilds == "all")

    @property
    def upstream_terms(self) -> UpstreamTerms | None:
        """Figures to compare the balance at MUSIC_BACKEND with; None if the service reports no balance."""
        service = CONTRACTS[self.music_backend]
        if service.balance_path is None:
            return None
        return UpstreamTerms(
            backend=self.music_backend,
            song_cost=service.song_cost,
            price=self.song_credits,
            total_credits_max=self.total_credits_max,
            defaults=self.credit_defaults,
            policy=self.server_policy,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never be shown or logged."""
        secrets: list[SecretStr | None] = [getattr(self, field) for field in secret_fields()]
        values = (secret.get_secret_value() for secret in secrets if secret is not None)
        proxies = [proxy for proxy in (self.proxy_to_discord, self.proxy_to_music) if proxy is not None]
        return (
            # The path of a file is none, and the password of a server also is one without its address.
            *(value for value in values if not value.startswith(SQLITE)),
            *self._database_passwords,
            *(proxy.password for proxy in proxies if proxy.password),
        )

    @property
    def proxy_to_discord(self) -> Proxy | None:
        """The proxy for connections to Discord, and for no other ones."""
        return None if self.discord_proxy is None else parse_proxy(self.discord_proxy.get_secret_value())

    @property
    def proxy_to_music(self) -> Proxy | None:
        """The proxy for connections to the music services, and for no other ones."""
        return None if self.music_proxy is None else parse_proxy(self.music_proxy.get_secret_value())

    @property
    def _database_passwords(self) -> tuple[str, ...]:
        """The password in the address of the database, as written there and as it is."""
        if not self.on_postgresql:
            return ()
        parts = urlsplit(self.database_url.get_secret_value())
        in_query = parse_qs(parts.query).get("password", [])
        written = [password for password in (parts.password, *in_query) if password]
        return tuple(dict.fromkeys(form for password in written for form in (password, unquote(password))))

    @property
    def music_keys(self) -> dict[Backend, SecretStr]:
        """The keys that are set. New songs go to MUSIC_BACKEND; open ones are finished wherever a key is."""
        keys: dict[Backend, SecretStr | None] = {
            backend: getattr(self, field) for backend, field in KEY_FIELDS.items()
        }
        return {backend: key for backend, key in keys.items() if key is not None}

    def music_url(self, backend: Backend) -> str:
        """Return the base URL of a service."""
        url: str = getattr(self, URL_FIELDS[backend])
        return url

    @property
    def listen(self) -> tuple[str, int] | None:
        """The host and the port of the health server, or None for no server."""
        host, _, port = self.http_listen.rpartition(":")
        return (host.strip("[]"), int(port)) if self.http_listen else None

    @field_validator("discord_token", *KEY_FIELDS.values(), mode="before", check_fields=False)
    @classmethod
    def _check_header_safe(cls, value: object) -> object:
        if isinstance(value, str) and not (value.isascii() and value.isprintable() and " " not in value):
            raise ValueError("contains characters that no token has; copy it again")
        return value

    @field_validator(*KEY_FIELDS.values(), check_fields=False)
    @classmethod
    def _require_key_of_backend(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        backend = info.data.get("music_backend")
        if value is None and backend is not None and info.field_name == KEY_FIELDS[backend]:
            raise PydanticCustomError("missing", "required")
        return value

    @model_validator(mode="before")
    @classmethod
    def _default_to_models_of_backend(cls, values: dict[str, Any]) -> dict[str, Any]:
        backend = str(values.get("music_backend") or Backend.SSEEDANCE).strip().lower()
        if not values.get("music_models") and backend in set(Backend):
            return values | {"music_models": OFFERS[Backend(backend)].models}
        return values

    @field_validator("operator_webhook_url")
    @classmethod
    def _check_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value is None else SecretStr(cls._check_url(value.get_secret_value()))

    @field_validator("discord_proxy", "music_proxy")
    @classmethod
    def _check_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            proxy = parse_proxy(value.get_secret_value())
            if not _is_netloc(proxy.address.partition("://")[2]):
                raise ValueError("must be a URL like http://proxy.example:3128 or socks5://127.0.0.1:1080")
        return value

    @field_validator("discord_api_url", *URL_FIELDS.values(), check_fields=False)
    @classmethod
    def _check_url(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if (
            not host
            or not _is_netloc(parts.netloc.rpartition("@")[2])
            or parts.scheme not in ("https", "http")
            or port == 0
            or not (value.isascii() and value.isprintable() and len(value) <= URL_MAX)
        ):
            raise ValueError("must be a URL that begins with https://")
        if "@" in parts.netloc or any(char in "?#\\" or char.isspace() for char in value):
            raise ValueError("must be a URL without a user name, a question mark or a hash sign")
        if parts.scheme == "http" and not _is_loopback(host):
            raise ValueError("must begin with https://; http:// is allowed only for this machine (127.0.0.1)")
        return value.rstrip("/")

    @field_validator("discord_api_url")
    @classmethod
    def _add_api_version(cls, value: str) -> str:
        path = urlsplit(value).path
        return value + {"": "/api/v10", "/api": "/v10"}.get(path, "")

    @field_validator("music_provider")
    @classmethod
    def _check_one_word(cls, value: str) -> str:
        return _check_names([value], "must be one word")[0]

    @field_validator("music_models", mode="before")
    @classmethod
    def _parse_models(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = _check_names(
            [name.strip() for name in value.split(",")], "must be model names separated by commas"
        )
        if len(set(names)) != len(names) or len(names) > MODELS_MAX:
            raise ValueError(f"must be up to {MODELS_MAX} different model names")
        return tuple(names)

    @field_validator("guilds", mode="before")
    @classmethod
    def _parse_guilds(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        ids = [part.strip() for part in value.split(",")]
        if not all(_is_snowflake(part) for part in ids):
            raise ValueError("must be server ids separated by commas")
        return frozenset(map(int, ids))

    @field_validator("music_options", mode="before")
    @classmethod
    def _parse_object(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            parsed = json.loads(value)
            # Infinity and lone surrogates can be parsed, but not sent.
            json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise ValueError('must be a JSON object like {"styleWeight": 0.6}')  # noqa: TRY004 - a bad value
        return parsed

    @field_validator("spool_dir", "database_url", mode="before")
    @classmethod
    def _check_printable(cls, value: object) -> object:
        if isinstance(value, str) and not value.isprintable():
            raise ValueError("contains characters that no path has")
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url.startswith(POSTGRESQL):
            if not _is_postgresql(url):
                raise ValueError("must name a user and a database, like postgresql://user:password@host/name")
        elif not url.startswith(SQLITE) or not Path(url.removeprefix(SQLITE)).name:
            raise ValueError(
                "must be sqlite:/// followed by the path of a file, like sqlite:///data/tunesmith.db"
            )
        return value

    @field_validator("processes")
    @classmethod
    def _check_processes(cls, value: int, info: ValidationInfo) -> int:
        url = info.data.get("database_url")
        if value > 1 and url is not None and not url.get_secret_value().startswith(POSTGRESQL):
            raise ValueError("needs a PostgreSQL database; set DATABASE_URL to its address")
        return value

    @field_validator("shard_count")
    @classmethod
    def _check_shard_count(cls, value: int | None, info: ValidationInfo) -> int | None:
        processes = info.data.get("processes", 1)
        if value is not None and value % processes:
            raise ValueError(f"must be a multiple of PROCESSES, {processes}")
        return value

    @field_validator("http_listen")
    @classmethod
    def _check_listen(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (
            value.isascii()
            and host
            and _is_netloc(value)
            and len(port) <= PORT_DIGITS_MAX
            and int(port) <= PORT_MAX
        ):
            raise ValueError("must be an address and a port, like 127.0.0.1:8080, or empty for no server")
        return value

    @field_validator("music_backend", "log_format", "new_guilds", mode="before")
    @classmethod
    def _to_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _to_upper_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    # Of the "before" validators, the last one defined runs first.
    @field_validator("*", mode="before")
    @classmethod
    def _check_no_quotes(cls, value: object) -> object:
        if isinstance(value, str) and value.startswith(QUOTES) and value[-1] == value[0]:
            raise ValueError("is in quotes, which `docker run --env-file` keeps; remove them")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _check_no_padding(cls, value: object) -> object:
        if isinstance(value, str) and value != value.strip():
            raise ValueError("has a space at the start or end; remove it")
        return value


def _service_fields() -> dict[str, Any]:
    """Return the fields that each music service adds: its key and its address."""
    fields: dict[str, Any] = {}
    for backend, offer in OFFERS.items():
        key = Field(
            default=None,
            validate_default=True,
            description=f"The API key for {offer.name}. Required with MUSIC_BACKEND={backend}. While it is "
            "set, songs that were submitted there are finished there, whatever MUSIC_BACKEND says.",
        )
        fields[KEY_FIELDS[backend]] = (SecretStr | None, key)
        fields[URL_FIELDS[backend]] = (
            str,
            Field(default=offer.url, description=f"Base URL of {offer.name}."),
        )
    return fields


if not TYPE_CHECKING:  # a type checker sees the class above; keys and addresses are read through its methods
    Settings = create_model(
        "Settings", __base__=Settings, __module__=__name__, __doc__=Settings.__doc__, **_service_fields()
    )


def _check_names(values: list[str], complaint: str) -> list[str]:
    if not all(
        name and name.isprintable() and " " not in name and len(name) <= MODEL_NAME_MAX for name in values
    ):
        raise ValueError(complaint)
    return values


def _is_snowflake(text: str) -> bool:
    """Return whether this can be an id of Discord's."""
    return text.isascii() and text.isdigit() and len(text) <= SNOWFLAKE_DIGITS_MAX and int(text) > 0


def _is_netloc(netloc: str) -> bool:
    """Return whether this is an IP address or a possible host name, perhaps with a port."""
    match = NETLOC.fullmatch(netloc)
    if match is None:
        return False
    host = match["host"].lower()
    try:
        if host.startswith("["):
            return ip_address(host[1:-1]).version == IPV6
        if host.replace(".", "").isdigit():
            return bool(ip_address(host))
        labels = host.removesuffix(".").split(".")
        return all(DNS_LABEL.fullmatch(label) and _decode_label(label) for label in labels)
    except ValueError:
        return False


def _decode_label(label: str) -> str:
    """Return the label in Unicode. Raises ValueError if its punycode is invalid."""
    return label.encode("ascii").decode("idna") if label.startswith("xn--") else label


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_postgresql(url: str) -> bool:
    """Return whether an address names a user and a database. The server says what else is wrong."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.username and parts.path.strip("/"))


@functools.cache
def secret_fields() -> tuple[str, ...]:
    """Return the settings that are secret. Each can also come from a file or a credential; none is shown."""
    return tuple(
        name
        for name, field in Settings.model_fields.items()
        if SecretStr in (field.annotation, *get_args(field.annotation))
    )


def names() -> tuple[str, ...]:
    """Return the names of all settings, as written in the environment."""
    return tuple(name.upper() for name in Settings.model_fields)


def accepted_names() -> tuple[str, ...]:
    """Return the names that the environment and ``.env`` may contain: also those of files of secrets."""
    return _names().accepted


@functools.cache
def _names() -> sources.Names:
    return sources.Names(
        all=names(),
        secrets=frozenset(name.upper() for name in secret_fields()),
        may_be_empty=frozenset({"HTTP_LISTEN"}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSetting:
    """A setting as ``tunesmith config`` shows it."""

    name: str
    value: str
    origin: str
    problem: str | None = None
    """The sentence that says what to correct, if the value can't be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """All settings with their origins, whether they can be used or not."""

    settings: Settings | None
    """None if there is a problem."""
    rows: list[EffectiveSetting]
    problems: list[str]
    """The problems that prevent a start, the most important first."""
    warnings: list[str]

    def usable(self) -> Settings:
        """Return the settings. Raises StartRefused if there is a problem."""
        if self.settings is None:
            raise StartRefused(self.problems[0])
        return self.settings


def load(env_file: Path = ENV_FILE) -> Settings:
    """Load the settings; the environment takes precedence over ``env_file``.

    Raises:
        StartRefused: one sentence that names the offending variable and shows no value.
    """
    return examine(env_file).usable()


def examine(env_file: Path = ENV_FILE) -> Effective:
    """Return every setting, where it comes from, and what is wrong with it."""
    found = sources.gather(_names(), env_file, os.environ)
    texts = {name.lower(): value.text for name, value in found.values.items()}
    settings, errors = _validated(texts)
    unread = {problem.name for problem in found.problems}
    wrong = {name: _sentence(error) for name, error in errors.items() if name not in unread}
    wrong |= {problem.name: problem.sentence for problem in found.problems if problem.name is not None}
    missing = [name for name, error in errors.items() if error["type"] == "missing" and name not in unread]
    problems = [
        *(problem.sentence for problem in found.problems),
        *([_missing(missing)] if len(missing) > 1 else []),
        *(_sentence(error) for name, error in errors.items() if name not in unread),
    ]
    return Effective(
        settings=None if problems else settings,
        rows=list(_rows(found, texts, wrong, missing)),
        problems=problems,
        warnings=list(_warnings(found, env_file)),
    )


def load_for_database(env_file: Path = ENV_FILE) -> Settings:
    """Load the settings of a command that only uses the database: other secrets may be missing or wrong.

    Raises:
        StartRefused: one sentence that names the offending variable and shows no value.
    """
    found = sources.gather(_names(), env_file, os.environ)
    secrets = {name.upper() for name in secret_fields()} - {"DATABASE_URL"}
    texts = {name.lower(): value.text for name, value in found.values.items()}
    for name in _validated(texts)[1].keys() & secrets:
        texts[name.lower()] = UNSET
    settings, errors = _validated(dict.fromkeys(REQUIRED_FIELDS, UNSET) | texts)
    problems = [problem.sentence for problem in found.problems if problem.name not in secrets]
    problems += [_sentence(error) for name, error in errors.items() if name not in secrets]
    if settings is None or problems:
        raise StartRefused(problems[0])
    return settings


def with_answers(answers: Mapping[str, str]) -> Settings:
    """Return the settings that these answers and the environment result in; the answers take precedence.

    Raises:
        StartRefused: one sentence that names the offending setting and shows no value.
    """
    answered = {name.upper() + suffix for name in answers for suffix in ("", sources.FILE_SUFFIX)}
    environ = {name: text for name, text in os.environ.items() if name.upper() not in answered}
    found = sources.gather(_names(), None, environ)
    problems = [one.sentence for one in found.problems if (one.name or "").lower() not in answers]
    texts = {name.lower(): value.text for name, value in found.values.items()} | dict(answers)
    settings, errors = _validated(texts)
    problems += map(_sentence, errors.values())
    if settings is None or problems:
        raise StartRefused(problems[0])
    return settings


def _validated(texts: Mapping[str, str]) -> tuple[Settings | None, dict[str, ErrorDetails]]:
    """Return the settings that these texts result in, or the first error of each wrong one."""
    try:
        return Settings.model_validate(texts), {}
    except ValidationError as error:
        errors: dict[str, ErrorDetails] = {}
        for one in error.errors(include_url=False, include_input=False):
            errors.setdefault(str(one["loc"][0]).upper(), one)
        return None, errors


def _rows(
    found: sources.Gathered, texts: Mapping[str, str], wrong: Mapping[str, str], missing: Collection[str]
) -> Iterator[EffectiveSetting]:
    usable = {name: text for name, text in texts.items() if name.upper() not in wrong}
    # What the valid settings result in does not depend on secrets.
    effective, _ = _validated(dict.fromkeys(REQUIRED_FIELDS, UNSET) | usable)
    for name in names():
        value = found.values.get(name)
        problem = wrong.get(name)
        if problem is not None or effective is None:
            shown = "(missing)" if name in missing else "(invalid)"
        elif name == "DATABASE_URL" and not effective.on_postgresql:
            shown = effective.database_url.get_secret_value()  # a path
        elif name.lower() in secret_fields():
            shown = HIDDEN if value is not None else "(not set)"
        else:
            shown = _text(getattr(effective, name.lower()))
        has_default = name.lower() not in secret_fields() or name == "DATABASE_URL"
        origin = "default" if problem is None and has_default else "-"
        yield EffectiveSetting(
            name=name, value=shown, origin=origin if value is None else value.origin, problem=problem
        )


def _text(value: object) -> str:
    """Return a value as it would be written in ``.env``."""
    match value:
        case None | "":
            return "(none)"
        case bool():
            return "on" if value else "off"
        case dict():
            return json.dumps(value, ensure_ascii=True)
        case tuple() | list():
            return ",".join(map(str, value))
        case frozenset():
            return ",".join(map(str, sorted(value))) or "(none)"
        case _:
            return USER_INFO.sub(r"\1…@", str(value))


def _warnings(found: sources.Gathered, env_file: Path) -> Iterator[str]:
    if sources.readable_by_others(env_file):
        yield f"{env_file} is readable by others; run `chmod 600 {env_file}`."
    for name, value in found.values.items():
        if value.file is not None and sources.readable_by_others(value.file, owned=True):
            yield f"{name}{sources.FILE_SUFFIX} is readable by others; run `chmod 600 {value.file}`."


def _missing(missing: list[str]) -> str:
    listed = f"{', '.join(missing[:-1])} and {missing[-1]}"
    return f"{listed} are missing; set them in the environment or in .env, or run `tunesmith init`."


def _sentence(error: ErrorDetails) -> str:
    """Say what to correct, with the variable's name and without its value."""
    context = error.get("ctx", {})
    name = str(error["loc"][0]).upper()
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
            return f"{name} has an invalid value ({error['type']})."
