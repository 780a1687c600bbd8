"""The connection to Discord, the command tree, and what a member sees on an error."""

import hashlib
import json
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

import discord
import yarl
from discord import app_commands
from structlog.contextvars import bind_contextvars, bound_contextvars

from bot.errors import OutOfRange, TextTooLong
from bot.ui import button_handlers, buttons, music_buttons, quota_buttons, responses
from bot.ui.dependencies import Services
from bot.ui.language import Translator
from bot.ui.music_commands import Music
from bot.ui.privacy_commands import EraseButton, Privacy
from bot.ui.quota_commands import Quota

log = logging.getLogger(__name__)

INVITE_PERMISSIONS: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)

DISCORD: Final = "https://discord.com/"
SILENT_S: Final = 50.0
"""A connection on which nothing came for so long is dead. Discord answers a heartbeat every 41.25 s.

Source: https://docs.discord.com/developers/events/gateway#sending-heartbeats, read 2026-11-25.
"""

Registered = Callable[[], Awaitable[str | None]]
Register = Callable[[str], Awaitable[None]]


class Tree(app_commands.CommandTree["TunesmithClient"]):
    """The commands; an error in one of them becomes one private sentence."""

    async def interaction_check(self, interaction: discord.Interaction["TunesmithClient"], /) -> bool:
        """Everybody may; what is logged from here on in the command's task names the server."""
        bind_contextvars(guild_id=interaction.guild_id)
        return True

    async def on_error(
        self, interaction: discord.Interaction["TunesmithClient"], error: app_commands.AppCommandError, /
    ) -> None:
        """Refusals and bad options become their sentence, everything else a line in the log."""
        await responses.explain(interaction, _cause(error))


def _cause(error: app_commands.AppCommandError) -> Exception:
    """What is behind an error of the tree: our own, or a value that Discord should not have let through."""
    match error:
        case app_commands.CommandInvokeError():
            return error.original
        case app_commands.TransformerError(type=discord.AppCommandOptionType.integer):
            return OutOfRange(int(error.transformer.min_value or 0), int(error.transformer.max_value or 0))
        case app_commands.TransformerError(type=discord.AppCommandOptionType.string):
            limit = int(error.transformer.max_value or 0)
            return TextTooLong("reason", len(str(error.value)), limit)
        case _:
            return error


class TunesmithClient(discord.AutoShardedClient):
    """The bot as Discord sees it: no intents, no cache worth the name, all state in the database."""

    services: Services

    def __init__(self, *, registered: Registered, register: Register, silent_s: float = SILENT_S) -> None:
        super().__init__(
            intents=discord.Intents.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            # Longer waits are the pipeline's: a send has a deadline of its own.
            max_ratelimit_timeout=60.0,
            heartbeat_timeout=silent_s,
        )
        self._confirmed: set[int] = set()
        """Shards whose session Discord has begun or taken up since they were cut off last."""
        self._registered = registered
        self._register = register
        self.tree = Tree(self)

    def offer(self, services: Services) -> None:
        """Let people use these; before the first connection. Some of them need this client to post."""
        self.services = services
        self.tree.add_command(Music(services))
        self.tree.add_command(Quota(services.credits))
        self.tree.add_command(Privacy(services))

    async def close(self) -> None:
        """Leave Discord, where there is a connection or the beginning of one."""
        # Before its first login the client has nothing to close, and close() would fail (2.7.1).
        if self.loop is not discord.client._loop:  # noqa: SLF001
            await super().close()

    def reopen(self) -> None:
        """Make ``start`` possible again after discord.py has closed the client."""
        self.clear()
        self._confirmed.clear()
        # What clear() keeps (2.7.1): a connector that was closed with its session, the number of shards,
        # which may be why the connection ended, and a queue with the word "closed" in it; login makes a
        # new one where it finds this loop.
        self.http.connector = discord.utils.MISSING
        self.shard_count = None  # type: ignore[assignment] # "ask Discord"
        self.loop = discord.client._loop  # noqa: SLF001

    async def setup_hook(self) -> None:
        """Before the first connection: the buttons, and the commands where they have changed."""
        self.add_dynamic_items(
            buttons.JobButton,
            music_buttons.SongsButton,
            quota_buttons.PageButton,
            quota_buttons.ClearButton,
            EraseButton,
        )
        await self._register_commands()
        if self.application_id is not None:
            log.info("invite the bot with %s", invite_link(self.application_id))
        if not discord.http.Route.BASE.startswith(DISCORD):
            # After a lost session discord.py goes back to this address and not to the one that it was
            # told first (2.7.1): the token would leave for the real Discord.
            _, gateway, _ = await self.http.get_bot_gateway()
            discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)

    async def payload(self) -> list[dict[str, Any]]:
        """The commands as Discord is told them, in every language."""
        translator = Translator()
        await self.tree.set_translator(translator)
        return [
            await command.get_translated_payload(self.tree, translator)
            for command in self.tree.get_commands()
        ]

    async def _register_commands(self) -> None:
        """Tell Discord the commands, but only when they differ from those told last: 200 creates a day."""
        told = json.dumps([self.application_id, await self.payload()], sort_keys=True)
        digest = hashlib.sha256(told.encode()).hexdigest()
        if await self._registered() == digest:
            return
        try:
            await self.tree.sync()
        except (discord.HTTPException, discord.RateLimited) as error:
            # The commands that Discord knows work all the same; the next start tries again.
            log.warning("the commands could not be registered: %s", error)
            return
        await self._register(digest)
        log.info("commands registered")

    async def on_ready(self) -> None:
        """Comes again after every new session: nothing is started here."""
        log.info("connected as %s", self.user)

    async def on_shard_connect(self, shard: int) -> None:
        """Discord has begun a session for it."""
        self._confirmed.add(shard)

    async def on_shard_resumed(self, shard: int) -> None:
        """Discord has taken its session up again."""
        self._confirmed.add(shard)

    async def on_shard_disconnect(self, shard: int) -> None:
        """It was cut off; a socket that is open again is not yet a session."""
        self._confirmed.discard(shard)

    def cut_off(self) -> str | None:
        """Why no events come in from Discord, or not all of them; None if they do."""
        shards = self.shard_count or 0
        missing = sum(not self._listens(shard) for shard in range(shards))
        if self.is_closed() or missing == shards:
            return "not connected to Discord"
        return f"not connected to Discord on {missing} of {shards} shards" if missing else None

    def _listens(self, shard: int) -> bool:
        # A socket that is closed at both ends or at ours is told at once, the event may come later.
        found = self.get_shard(shard)
        return found is not None and shard in self._confirmed and not found.is_closed()

    def latencies_s(self) -> dict[int, float]:
        """Seconds from a heartbeat to its answer, of each shard that is connected and has had one."""
        return {
            shard: latency_s
            for shard, latency_s in self.latencies
            if self._listens(shard) and math.isfinite(latency_s)
        }

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Forms come back here, whoever opened them and however long ago."""
        if interaction.type is discord.InteractionType.modal_submit:
            await self.guarded(interaction, responses.submitted(interaction, self.services.intake))

    async def pressed(self, interaction: discord.Interaction, button: buttons.JobButton) -> None:
        """One of our buttons was pressed."""
        await self.guarded(interaction, button_handlers.pressed(interaction, button, self.services))

    async def guarded(self, interaction: discord.Interaction, work: Awaitable[Any]) -> None:
        """Do what a button or a form asks for; an error becomes one private sentence."""
        with bound_contextvars(guild_id=interaction.guild_id):
            try:
                await work
            except Exception as error:  # noqa: BLE001 - what the tree does for commands: told, and logged if a bug
                await responses.explain(interaction, error)


def invite_link(application_id: int) -> str:
    """Where a server's manager lets the bot in, with just the permissions that it needs."""
    return discord.utils.oauth_url(
        application_id, permissions=INVITE_PERMISSIONS, scopes=("bot", "applications.commands")
    )


def use_api(url: str) -> None:
    """Talk to this REST API from here on; the gateway's address comes from it too."""
    discord.http.Route.BASE = url
