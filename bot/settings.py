"""The operator's settings: environment variables or a ``.env`` file, read once at startup."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from bot.balance import Period
from bot.configuration import loading, validation
from bot.configuration.fields import Secret, setting
from bot.configuration.service_fields import (
    CONTRACTS,
    KEY_FIELDS,
    REQUIRED_FIELDS,
    URL_FIELDS,
    with_service_fields,
)
from bot.configuration.sources import SettingNames
from bot.configuration.values import passwords_in
from bot.database.opening import POSTGRESQL, SQLITE
from bot.database.share import SLOTS_MAX
from bot.errors import StartRefused
from bot.model import Backend, GuildId
from bot.music.backends import OFFERS
from bot.proxies import Proxy, parse_proxy
from bot.store.ledger import Defaults
from bot.store.servers import ServerPolicy
from bot.store.upstream import UpstreamTerms

NUMBER_MAX: Final = 10**9
TAKEOVER_MIN_S: Final = 5
"""Minimum of TAKEOVER_S; a shorter pause does not mean that a bot is stuck."""
ENV_FILE: Final = Path(".env")

PACE_MIN: Final = 0.001
PACE_MAX: Final = 100.0

COUNT: Final = validation.whole(0, NUMBER_MAX)
COUNT_FROM_ONE: Final = validation.whole(1, NUMBER_MAX)


@attrs.frozen(kw_only=True, slots=False, field_transformer=with_service_fields)
class Settings:
    """All settings. Their descriptions also appear in ``.env.example`` and in the documentation.

    The constructor reads only its arguments; ``load`` reads the environment and ``.env``.
    """

    discord_token: Secret = setting(
        validation.read_token, secret=True, description="The bot's token, from the Discord developer portal."
    )
    discord_api_url: str = setting(
        validation.read_api_url,
        default="https://discord.com/api/v10",
        description="Base URL of Discord's REST API, or of a proxy for it. "
        "It also provides the gateway's URL.",
    )
    discord_proxy: Secret | None = setting(
        validation.read_proxy,
        secret=True,
        default=None,
        description="A proxy for all traffic to Discord: REST, gateway, attachments and "
        "OPERATOR_WEBHOOK_URL. http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, with "
        "USER:PASSWORD@ before HOST if the proxy requires them.",
    )
    music_backend: Backend = setting(
        validation.one_of(*Backend),
        default=Backend.SSEEDANCE,
        description=f"The music service that makes new songs: {' or '.join(Backend)}. Models, their limits, "
        "the price and the URL follow from it unless set.",
    )
    music_proxy: Secret | None = setting(
        validation.read_proxy,
        secret=True,
        default=None,
        description="A proxy for all traffic to the music services, including paid requests and audio, in "
        "the same form as DISCORD_PROXY.",
    )
    music_provider: str = setting(
        validation.read_word, default="kie", description="The provider named in every request to sseedance."
    )
    music_models: tuple[str, ...] = setting(
        validation.read_models,
        default=attrs.Factory(lambda self: OFFERS[self.music_backend].models, takes_self=True),
        description="The models members can choose from, separated by commas. The first is the default. "
        "If unset, they follow from MUSIC_BACKEND.",
    )
    music_options: dict[str, Any] = setting(
        validation.read_object,
        default=attrs.Factory(dict),
        description="A JSON object sent as `options` with every request.",
    )
    music_extras: bool = setting(
        validation.read_switch,
        default=False,
        description="Whether members may set what a song should avoid and which voice sings it.",
    )
    music_lyrics: bool = setting(
        validation.read_switch,
        default=False,
        description="Whether members may have lyrics written, if the music service offers it: today kie.ai, "
        "for 0.4 of your credits there. Members pay nothing for it.",
    )
    database_url: Secret = setting(
        validation.read_database_url,
        secret=True,
        default=Secret("sqlite:///data/tunesmith.db"),
        description="The database: sqlite:/// followed by the path of the file, or the address of a "
        "PostgreSQL database: postgresql://user:password@host/name.",
    )
    processes: int = setting(
        validation.whole(1, SLOTS_MAX),
        validator=validation.check_processes,
        default=1,
        description="On PostgreSQL: how many processes share the work, the same number for all of them. Any "
        "further processes stand by.",
    )
    shard_count: int | None = setting(
        COUNT_FROM_ONE,
        validator=validation.check_shard_count,
        default=None,
        description="The number of connections to Discord of all processes together, a multiple of "
        "PROCESSES; empty for the number that Discord recommends.",
    )
    takeover_s: int = setting(
        validation.whole(TAKEOVER_MIN_S, NUMBER_MAX),
        default=15,
        description="On PostgreSQL: how long the running bot may freeze before a standby takes over, in "
        "seconds.",
    )
    spool_dir: Path = setting(
        validation.read_path,
        default=Path("data/spool"),
        description="The directory for the audio files of finished songs.",
    )
    spool_days: int = setting(
        COUNT_FROM_ONE,
        default=7,
        description="How long the audio files of a finished song are kept, in days.",
    )
    words_days: int = setting(
        COUNT_FROM_ONE,
        default=90,
        description="How long the texts of a finished song are kept and its buttons work, in days.",
    )
    song_credits: int = setting(COUNT, default=10, description="The price of a song, in credits.")
    guild_credits: int = setting(
        COUNT,
        default=100,
        description="The credits a server receives in each period, unless its managers set another number.",
    )
    credit_period: Period = setting(
        validation.one_of(*Period, any_case=False),
        default=Period.MONTH,
        description="How often the allowance renews: every day, week or month (in UTC unless a server sets "
        "its time zone).",
    )
    guild_credits_max: int | None = setting(
        COUNT,
        default=None,
        description="The most credits any server may use in a period; empty for no ceiling. "
        "If set, CREDIT_PERIOD applies to every server, and only the operator can grant and refund credits.",
    )
    guilds: frozenset[GuildId] = setting(
        validation.read_guilds,
        default=frozenset(),
        description="The ids of the servers to serve, separated by commas; empty for no list. "
        "Elsewhere, the bot answers that it does not serve the server.",
    )
    new_guilds: Literal["all", "none"] = setting(
        validation.one_of("all", "none"),
        default="all",
        description="Without GUILDS, whether a new server is served: all, or none until you run "
        "`tunesmith servers allow ID`.",
    )
    total_credits_max: int = setting(
        COUNT,
        default=10_000,
        description="The most credits that all servers together may use in a calendar month (UTC).",
    )
    open_jobs_per_member: int = setting(
        COUNT_FROM_ONE,
        default=2,
        description="How many unfinished songs one member may have at a time in a server.",
    )
    open_jobs_per_guild: int = setting(
        COUNT_FROM_ONE, default=10, description="How many unfinished songs one server may have at a time."
    )
    poll_pace: float = setting(
        validation.decimal(PACE_MIN, PACE_MAX),
        default=1.0,
        description="Scales every wait between two polls of the music API; 0.5 polls twice as often.",
    )
    operator_webhook_url: Secret | None = setting(
        validation.read_url,
        secret=True,
        default=None,
        description="A Discord webhook that receives alerts about problems only the operator can fix.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        validation.one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        default="INFO",
        description="The lowest level that is logged: DEBUG, INFO, WARNING or ERROR.",
    )
    log_format: Literal["console", "json"] = setting(
        validation.one_of("console", "json"),
        default="console",
        description="The log format: console for people, or json with one object per line.",
    )
    http_listen: str = setting(
        validation.read_listen,
        default="127.0.0.1:8080",
        description="The address and port that serve /healthz and /metrics; port 0 picks a free one. "
        "Leave empty to serve neither.",
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
        """Which servers are served, unless `tunesmith servers` overrides it."""
        return ServerPolicy(listed=self.guilds, serves_new=self.new_guilds == "all")

    @property
    def upstream_terms(self) -> UpstreamTerms | None:
        """Terms for assessing the balance at MUSIC_BACKEND; None if it reports none."""
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
        secrets: list[Secret | None] = [getattr(self, field) for field in secret_fields()]
        values = (secret.get_secret_value() for secret in secrets if secret is not None)
        proxies = [proxy for proxy in (self.proxy_to_discord, self.proxy_to_music) if proxy is not None]
        return (
            # A file's path is not secret; a server's password is, even without its address.
            *(value for value in values if not value.startswith(SQLITE)),
            *(passwords_in(self.database_url.get_secret_value()) if self.on_postgresql else ()),
            *(proxy.password for proxy in proxies if proxy.password),
        )

    @property
    def proxy_to_discord(self) -> Proxy | None:
        """The proxy for connections to Discord, and only those."""
        return None if self.discord_proxy is None else parse_proxy(self.discord_proxy.get_secret_value())

    @property
    def proxy_to_music(self) -> Proxy | None:
        """The proxy for connections to the music services, and only those."""
        return None if self.music_proxy is None else parse_proxy(self.music_proxy.get_secret_value())

    @property
    def music_keys(self) -> dict[Backend, Secret]:
        """The keys that are set.

        New songs go to MUSIC_BACKEND; open ones are finished at any service with a key.
        """
        keys: dict[Backend, Secret | None] = {
            backend: getattr(self, field) for backend, field in KEY_FIELDS.items()
        }
        return {backend: key for backend, key in keys.items() if key is not None}

    def music_url(self, backend: Backend) -> str:
        """Return the base URL of a service."""
        url: str = getattr(self, URL_FIELDS[backend])
        return url

    @property
    def listen(self) -> tuple[str, int] | None:
        """The host and port of the health server, or None for no server."""
        host, _, port = self.http_listen.rpartition(":")
        return (host.strip("[]"), int(port)) if self.http_listen else None


@functools.cache
def secret_fields() -> tuple[str, ...]:
    """Return the secret settings.

    Each can also come from a file or a credential; none is shown.
    """
    return tuple(field.name for field in attrs.fields(Settings) if field.metadata["secret"])


def names() -> tuple[str, ...]:
    """Return the names of all settings, as written in the environment."""
    return tuple(field.name.upper() for field in attrs.fields(Settings))


def accepted_names() -> tuple[str, ...]:
    """Return the names allowed in the environment and ``.env``, ``…_FILE`` included."""
    return _declared().names.accepted


@functools.cache
def _declared() -> loading.Declared[Settings]:
    return loading.Declared(
        model=Settings,
        names=SettingNames(
            all=names(),
            secrets=frozenset(name.upper() for name in secret_fields()),
            may_be_empty=frozenset({"HTTP_LISTEN"}),
        ),
        required=REQUIRED_FIELDS,
        in_clear=lambda settings: () if settings.on_postgresql else ("DATABASE_URL",),  # a path
    )


def load(env_file: Path = ENV_FILE) -> Settings:
    """Load the settings; the environment takes precedence over ``env_file``.

    Raises:
        StartRefused: a variable is missing or invalid; the message names it and shows no value.
    """
    return examine(env_file).usable()


def examine(env_file: Path = ENV_FILE) -> loading.Effective[Settings]:
    """Return every setting, where it comes from, and what is wrong with it."""
    return loading.examine(_declared(), env_file)


def load_for_database(env_file: Path = ENV_FILE) -> Settings:
    """Load the settings for a command that only uses the database.

    Other secrets may be missing or wrong.

    Raises:
        StartRefused: a variable is missing or invalid; the message names it and shows no value.
    """
    return loading.load_for_database(_declared(), env_file)


def with_answers(answers: Mapping[str, str]) -> Settings:
    """Return the settings from the environment and these answers, which prevail.

    Raises:
        StartRefused: a setting is missing or invalid; the message names it and shows no value.
    """
    return loading.with_answers(_declared(), answers)
