"""The connection to Discord, the command tree, and the guard around everything members trigger."""

import asyncio
import hashlib
import json
import logging
import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.webhook.async_ import async_context
from structlog.contextvars import bind_contextvars, bound_contextvars

from bot.errors import Refusal, Transient
from bot.model import GuildId
from bot.proxies import Proxy
from bot.refusals import OutOfRange, TextTooLong, UnknownControl
from bot.ui import admission, command_mentions, fast_json, request_trace, responses
from bot.ui.buttons.again import AgainButton, RetryButton
from bot.ui.buttons.base import PersistentButton
from bot.ui.buttons.best_pages import BestPageButton
from bot.ui.buttons.cancel import CancelButton
from bot.ui.buttons.clear_limit import ClearLimitButton
from bot.ui.buttons.delete import DeleteButton
from bot.ui.buttons.draft import EditDraftButton
from bot.ui.buttons.erase_data import EraseDataButton
from bot.ui.buttons.ledger_pages import LedgerPageButton
from bot.ui.buttons.lyrics import CopyLyricsButton, LyricsButton, NoticeTextButton
from bot.ui.buttons.post_again import PostAgainButton
from bot.ui.buttons.rating import DislikeButton, LikeButton
from bot.ui.buttons.remix import RemixButton
from bot.ui.buttons.send import SendButton
from bot.ui.buttons.song_pages import SongPageButton
from bot.ui.buttons.write_lyrics import WriteLyricsButton
from bot.ui.dependencies import Services
from bot.ui.discord_errors import DISCORD_ERRORS, readable_answers
from bot.ui.discord_proxy import connector_through, http_options
from bot.ui.interaction_answers import AnswerAdapter
from bot.ui.language import Translator
from bot.ui.music_commands import Music
from bot.ui.privacy_commands import Privacy
from bot.ui.quota_commands import Quota
from bot.ui.sharding import Sharding

log = logging.getLogger(__name__)

INVITE_PERMISSIONS: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)

BUTTONS: Final[tuple[type[PersistentButton], ...]] = (
    *(
        LyricsButton,
        CopyLyricsButton,
        NoticeTextButton,
        AgainButton,
        RetryButton,
        RemixButton,
        EditDraftButton,
        WriteLyricsButton,
    ),
    *(PostAgainButton, CancelButton, SendButton, DeleteButton),
    *(LikeButton, DislikeButton, BestPageButton),
    *(SongPageButton, LedgerPageButton, ClearLimitButton, EraseDataButton),
)
"""Every button class whose presses are handled."""

CONTROLS: Final = (discord.InteractionType.component, discord.InteractionType.modal_submit)
"""Interactions by buttons, menus and forms."""

DISCORD_URL: Final = "https://discord.com/"
# https://docs.discord.com/developers/events/gateway#sending-heartbeats, read 2026-11-25
SILENT_S: Final = 50.0
"""Silence after which a connection counts as dead, in seconds. Heartbeats are answered every 41.25 s."""

UNREACHABLE: Final = (
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    discord.DiscordServerError,
    discord.GatewayNotFound,
)
"""Errors that pass with time: Discord, or the network on the way, is down."""
SESSION_CLOSED: Final = "Session is closed"
"""Text of the RuntimeError that aiohttp raises for a request after the client was closed (3.14.5)."""
RECONNECTING: Final = ("discord.client", "discord.shard")
"""Loggers of discord.py that report each lost connection and each retry with a traceback."""

SERVERS_PER_PAGE: Final = 200
"""Number of servers in one of Discord's answers, its maximum."""
SERVER_PAGES_MAX: Final = 1_000
"""Maximum number of such answers, more than an unverified bot can need."""

Registered = Callable[[], Awaitable[str | None]]
Register = Callable[[str], Awaitable[None]]


class Tree(app_commands.CommandTree["TunesmithClient"]):
    """The command tree; an error in a command becomes one private sentence."""

    async def interaction_check(self, interaction: discord.Interaction["TunesmithClient"], /) -> bool:
        """Let valid commands through in served servers; log lines then name the server."""
        bind_contextvars(guild_id=interaction.guild_id)
        try:
            # While an option is being typed, its value may be anything.
            used = interaction.type is discord.InteractionType.application_command
            if used:
                admission.require_valid_options(interaction)
            checked_later = used and admission.is_charging(interaction.command)
            for_all = admission.is_for_everybody(interaction.command)
            if not (checked_later or for_all):
                await admission.require_served(interaction, self.client.services.intake)
        except (Refusal, Transient) as error:
            await responses.explain(interaction, error)
            return False
        return True

    async def on_error(
        self, interaction: discord.Interaction["TunesmithClient"], error: app_commands.AppCommandError, /
    ) -> None:
        """Answer with a sentence; log anything but a refusal or a bad option as a bug."""
        await responses.explain(interaction, _cause(error))


def _cause(error: app_commands.AppCommandError) -> Exception:
    """Return a tree error's cause: our error, or a value Discord should have refused."""
    match error:
        case app_commands.CommandInvokeError():
            return error.original
        case app_commands.TransformerError(type=discord.AppCommandOptionType.integer):
            return OutOfRange(int(error.transformer.min_value or 0), int(error.transformer.max_value or 0))
        case app_commands.TransformerError(type=discord.AppCommandOptionType.string):
            limit = int(error.transformer.max_value or 0)
            return TextTooLong("reason", len(str(error.value)), limit)
        case (
            app_commands.TransformerError()
            | app_commands.CheckFailure()
            | app_commands.CommandNotFound()
            | app_commands.CommandSignatureMismatch()
        ):
            return UnknownControl()
        case _:
            return error


class TunesmithClient(discord.AutoShardedClient):
    """The bot as Discord sees it: no intents, hardly any cache, all state in the database."""

    services: Services

    def __init__(
        self,
        *,
        registered: Registered,
        register: Register,
        silent_s: float = SILENT_S,
        dated: Callable[[datetime], None] = lambda _: None,
        proxy: Proxy | None = None,
        sharding: Sharding | None = None,
    ) -> None:
        fast_json.install()
        dates = request_trace.DateHeaders(dated)
        super().__init__(
            **http_options(proxy),
            http_trace=request_trace.trace(dates.note),
            intents=discord.Intents.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            # The pipeline handles longer waits: a send has a deadline of its own.
            max_ratelimit_timeout=60.0,
            heartbeat_timeout=silent_s,
        )
        self.command_ids: dict[str, int] = {}
        """Discord's ids of the registered commands, by name."""
        self.connected = asyncio.Event()
        """Set once Discord has started a session."""
        self._confirmed: set[int] = set()
        """Shards whose session Discord has started or resumed since their last disconnect."""
        self._compared = False
        """Whether this process has compared its commands with the registered ones."""
        self._proxy = proxy
        self._buckets = 1
        """Number of shards that may identify at the same time."""
        self._registered = registered
        self._register = register
        self._sharding = sharding or Sharding()
        self._answers = AnswerAdapter(self.http.user_agent, dates.note)
        self.tree = Tree(self)
        # discord.py drops a channel of an unknown type, and its id with it (2.7.1).
        parsers = self._connection.parsers
        parse = parsers["INTERACTION_CREATE"]
        parsers["INTERACTION_CREATE"] = lambda data: parse(admission.with_known_channel(data))

    def offer(self, services: Services) -> None:
        """Add the commands; call before the first connection.

        They come later than the client, since some services need it to post.
        """
        self.services = services
        self.tree.add_command(Music(services))
        self.tree.add_command(Quota(services))
        self.tree.add_command(Privacy(services))

    async def close(self) -> None:
        """Disconnect, if a connection exists or is being established."""
        # Before the first login, there is nothing to close, and close() would fail (2.7.1).
        if self.loop is not discord.client._loop:  # noqa: SLF001
            await super().close()

    def reopen(self) -> None:
        """Allow ``start`` to run again after discord.py has closed the client."""
        self.clear()
        self._confirmed.clear()
        # clear() keeps three things (2.7.1): a connector closed with its session, the number of shards, which
        # may have ended the connection, and a queue that holds its "closed" event. Login makes a new queue if
        # it finds this loop.
        self.http.connector = discord.utils.MISSING
        self.shard_count = None  # type: ignore[assignment] # "ask Discord"
        self.loop = discord.client._loop  # noqa: SLF001

    async def login(self, token: str) -> None:
        """Log in, through the proxy if there is one."""
        if self._proxy is not None:
            # The last session closed it. Without a proxy, discord.py makes its own.
            self.http.connector = connector_through(self._proxy, limit=0) or discord.utils.MISSING
        await super().login(token)

    async def setup_hook(self) -> None:
        """Register the commands if they never were; runs before the first connection."""
        # The tasks that handle interactions inherit the context of this one, which connects afterwards.
        async_context.set(self._answers)
        if await self._registered() is None:
            await self._register_commands()
            self._compared = True
        if not self._sharding.is_left_to_discord:
            recommended, _, limits = await self.http.get_bot_gateway()
            self.shard_count, self.shard_ids = self._sharding.shards(recommended)
            self._buckets = limits["max_concurrency"]
        if self.application_id is not None:
            log.info("ready to be invited", extra={"invite_url": invite_link(self.application_id)})
        if not discord.http.Route.BASE.startswith(DISCORD_URL):
            # After losing a session, discord.py reconnects to its default gateway, not to the one it was
            # first given (2.7.1): the token would be sent to the real Discord.
            _, gateway, _ = await self.http.get_bot_gateway()
            discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for the shard's turn, since other processes identify, too."""
        await super().before_identify_hook(shard_id, initial=initial)
        await self._sharding.turn((shard_id or 0) % self._buckets)

    async def payload(self) -> list[dict[str, Any]]:
        """Return the commands as registered with Discord, in every language."""
        translator = Translator()
        await self.tree.set_translator(translator)
        return [
            await command.get_translated_payload(self.tree, translator)
            for command in self.tree.get_commands()
        ]

    async def _register_commands(self) -> None:
        """Register the commands if they have changed; Discord allows 200 creates a day."""
        payload = await self.payload()
        identity = json.dumps([self.application_id, payload], sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()
        note, self.command_ids = command_mentions.read_note(await self._registered())
        if note == digest or self.application_id is None or not self._sharding.share.leads:
            return
        try:
            # Like tree.sync, which would translate everything again.
            answer = await self.http.bulk_upsert_global_commands(self.application_id, payload=payload)
        except (discord.HTTPException, discord.RateLimited) as error:
            # The commands that Discord knows still work; the next start retries.
            log.warning("commands not registered", extra={"error": str(error)})
            return
        self.command_ids = command_mentions.ids_of(answer)
        await self._register(command_mentions.note_of(digest, self.command_ids))
        log.info("commands registered")

    async def on_ready(self) -> None:
        """Log the session and register changed commands; there may be many sessions."""
        log.info("connected to Discord", extra={"user": str(self.user)})
        if not self._compared:
            # Until then, members use the last version's commands, as they do during an update.
            self._compared = True
            await self._register_commands()

    async def on_shard_connect(self, shard: int) -> None:
        """Note that Discord has started a session for the shard."""
        self._confirmed.add(shard)
        self.connected.set()

    async def on_shard_resumed(self, shard: int) -> None:
        """Note that Discord has resumed the shard's session."""
        self._confirmed.add(shard)

    async def on_shard_disconnect(self, shard: int) -> None:
        """Note that the shard lost its connection; a reopened socket is not yet a session."""
        self._confirmed.discard(shard)

    def cut_off(self) -> str | None:
        """Return why some or all of Discord's events do not arrive; None if they do."""
        own = self.shard_ids or range(self.shard_count or 0)
        shards, missing = len(own), sum(not self._listens(shard) for shard in own)
        if self.is_closed() or missing == shards:
            return "not connected to Discord"
        return f"not connected to Discord on {missing} of {shards} shards" if missing else None

    async def present_servers(self) -> frozenset[GuildId] | None:
        """Return all servers; None unless all shards listen and Discord lists them all."""
        ids: set[GuildId] = set()
        if not self.shard_count or self.cut_off() is not None:
            return None
        try:
            with readable_answers():
                for _ in range(SERVER_PAGES_MAX):
                    page = await self.http.get_guilds(SERVERS_PER_PAGE, after=max(ids, default=0))
                    ids |= {GuildId(int(server["id"])) for server in page}
                    if len(page) < SERVERS_PER_PAGE:
                        return frozenset(ids)
        except DISCORD_ERRORS as error:
            log.info("servers not listed", extra={"error": str(error) or type(error).__name__})
        return None

    def _listens(self, shard: int) -> bool:
        # A closed socket shows at once; the disconnect event may come later.
        info = self.get_shard(shard)
        return info is not None and shard in self._confirmed and not info.is_closed()

    def latencies_s(self) -> dict[int, float]:
        """Return the latest heartbeat latency of each connected shard, in seconds."""
        return {
            shard: latency_s
            for shard, latency_s in self.latencies
            if self._listens(shard) and math.isfinite(latency_s)
        }

    def dispatch(self, event: str, /, *args: object, **kwargs: object) -> None:
        """Dispatch an event, unless it is a command, which only the tree handles: this saves a task."""
        about = args[0] if args else None
        if not isinstance(about, discord.Interaction) or about.type in CONTROLS:
            super().dispatch(event, *args, **kwargs)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Handle buttons and submitted forms here, no matter who received them or when."""
        if interaction.type is discord.InteractionType.component:
            await self.guarded(interaction, self._pressed(interaction))
        elif interaction.type is discord.InteractionType.modal_submit:
            await self.guarded(interaction, self._submitted(interaction))

    async def _pressed(self, interaction: discord.Interaction) -> None:
        button = admission.button_of(interaction, BUTTONS)
        if not admission.is_about_oneself(button):
            await admission.require_served(interaction, self.services.intake)
        await button.press(interaction, self.services)

    async def _submitted(self, interaction: discord.Interaction) -> None:
        await responses.submitted(interaction, self.services.intake)

    async def guarded(self, interaction: discord.Interaction, work: Awaitable[Any]) -> None:
        """Await the action of a button or form; an error becomes one private sentence."""
        with bound_contextvars(guild_id=interaction.guild_id):
            try:
                await work
            except Exception as error:  # noqa: BLE001 - as the tree does for commands: answered, and logged if a bug
                await responses.explain(interaction, error)


def invite_link(application_id: int) -> str:
    """Return the link that adds the bot with only the permissions it needs."""
    return discord.utils.oauth_url(
        application_id, permissions=INVITE_PERMISSIONS, scopes=("bot", "applications.commands")
    )


def lose_traceback(record: logging.LogRecord) -> bool:
    """Log a lost or closed connection on one line: discord.py's traceback has none of our code."""
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    is_closed = isinstance(error, RuntimeError) and str(error) == SESSION_CLOSED
    if is_closed or isinstance(error, (*UNREACHABLE, discord.ConnectionClosed)):
        record.exc_info = None
        vars(record)["error"] = type(error).__name__
    return True


def use_api(url: str) -> None:
    """Switch to this REST API, which also supplies the gateway's address."""
    discord.http.Route.BASE = url
    for name in RECONNECTING:
        logging.getLogger(name).addFilter(lose_traceback)
