"""A simulated Discord server with members, the bot, and the sandbox as its music service.

Nothing leaves the machine.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import discord
import simcord
from msgspec.structs import replace

from bot.app import App, assemble
from bot.configuration.fields import Secret
from bot.database.engine import Tx
from bot.errors import Refusal
from bot.model import Backend, ChannelId, Delivery, DiscordUserId, Job, MessageId, Track
from bot.pipeline.courier import CardFacts, Courier, MessageKind
from bot.sandbox.contracts import SANDBOXES
from bot.sandbox.server import Sandbox, running
from bot.settings import Settings
from bot.store import breaker
from bot.store.breaker import Breaker
from bot.store.budget_alerts import BudgetAlert
from bot.ui.discord_client import TunesmithClient

SERVER = "The Listening Room"
CHANNEL = "song-requests"
SETTLE_MAX_S = 30.0
"""Timeout for the bot's tasks after an interaction."""


def _seconds() -> float:
    """Return real seconds.

    ``time.monotonic`` won't do: SimCord patches it while the bot's code runs.
    """
    return time.perf_counter()


class SimulatedClock:
    """The time of the simulated Discord, which advances with real time."""

    def __init__(self) -> None:
        self._began_at = datetime.now(UTC)
        self._began_s = _seconds()

    def __call__(self) -> datetime:
        """Return the current time on the simulated Discord."""
        return self._began_at + timedelta(seconds=_seconds() - self._began_s)

    def start_at(self, moment: datetime) -> None:
        """Set the current time to ``moment``."""
        self._began_at, self._began_s = moment, _seconds()


class ObservedCourier:
    """A courier that calls ``posted`` after each change of a message."""

    def __init__(self, courier: Courier, posted: Callable[[], None]) -> None:
        self._courier = courier
        self._posted = posted

    async def post_song(
        self, job: Job, files: Sequence[tuple[Track, Path]], where: Delivery, nonce: str
    ) -> MessageId:
        """Delegate to the courier."""
        message_id = await self._courier.post_song(job, files, where, nonce)
        self._posted()
        return message_id

    async def post_copy(
        self,
        job: Job,
        files: Sequence[tuple[Track, Path]],
        channel_id: ChannelId,
        nonce: str,
        *,
        locale: str,
        direct: bool,
    ) -> MessageId:
        """Delegate to the courier."""
        message_id = await self._courier.post_copy(
            job, files, channel_id, nonce, locale=locale, direct=direct
        )
        self._posted()
        return message_id

    async def fetch(self, job: Job, take: int, *, max_bytes: int) -> bytes | None:
        """Delegate to the courier."""
        return await self._courier.fetch(job, take, max_bytes=max_bytes)

    async def post_notice(self, job: Job, where: Delivery, nonce: str) -> MessageId:
        """Delegate to the courier."""
        message_id = await self._courier.post_notice(job, where, nonce)
        self._posted()
        return message_id

    async def announce(self, job: Job, channel_id: ChannelId) -> None:
        """Delegate to the courier."""
        await self._courier.announce(job, channel_id)
        self._posted()

    async def post_alert(self, alert: BudgetAlert) -> None:
        """Delegate to the courier."""
        await self._courier.post_alert(alert)
        self._posted()

    async def update_card(self, job: Job, facts: CardFacts) -> None:
        """Delegate to the courier."""
        await self._courier.update_card(job, facts)
        self._posted()

    async def find(
        self, job: Job, kind: MessageKind, where: Delivery, *, ever: bool = False
    ) -> MessageId | None:
        """Delegate to the courier."""
        return await self._courier.find(job, kind, where, ever=ever)

    async def find_card(self, job: Job) -> MessageId | None:
        """Delegate to the courier."""
        return await self._courier.find_card(job)

    async def open_direct(self, member_id: DiscordUserId) -> ChannelId:
        """Delegate to the courier."""
        return await self._courier.open_direct(member_id)


def _speak(env: simcord.Env, locale: str) -> None:
    """Give the members and the server a language: SimCord only has American English."""
    emit, register = env.backend.emit, env.backend.register_commands

    def localized(event: str, payload: Mapping[str, Any]) -> None:
        spoken = {key: locale for key in ("locale", "guild_locale") if key in payload}
        emit(event, {**payload, **spoken} if event == "INTERACTION_CREATE" else payload)

    def described(guild_id: int | None, payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return register(guild_id, [_described(command, locale) for command in payloads])

    env.backend.emit = localized  # type: ignore[method-assign] # SimCord has no setting for it
    env.backend.register_commands = described  # type: ignore[method-assign] # as above


def _described(node: dict[str, Any], locale: str) -> dict[str, Any]:
    """Return a command, an option or a choice as Discord shows it in a language."""
    copy = dict(node)
    for key in ("name", "description"):
        if key in node:
            copy[key] = (node.get(f"{key}_localizations") or {}).get(locale, node[key])
    for key in ("options", "choices"):
        if node.get(key):
            copy[key] = [_described(inner, locale) for inner in node[key]]
    return copy


def _is_refusal(error: BaseException) -> bool:
    return isinstance(getattr(error, "original", error), Refusal)


class World:
    """One server on the simulated Discord. Create it with ``World.open``."""

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        self.settings = settings
        self.sandbox = sandbox
        self.clock = SimulatedClock()
        self.changed = asyncio.Event()
        self.env: simcord.Env
        self.guild: simcord.GuildHandle
        self.channel: simcord.ChannelHandle
        self.parts: App
        self._process = AsyncExitStack()
        self._runner: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,
        *,
        delay_s: float,
        pace: float,
        extras: bool = False,
        lyrics: bool = False,
        contract: Backend = Backend.SSEEDANCE,
        begins_at: datetime | None = None,
        locale: str = "en-US",
        database_url: str | None = None,
    ) -> AsyncIterator["World"]:
        """Run the bot on a server with one channel; its database and spool are in ``folder``.

        ``begins_at`` defaults to SimCord's first moment, so that a test sees the same day each time.
        ``locale`` is the language of the members and the server. ``database_url`` names another database.
        """
        sandbox = SANDBOXES[contract](key="sandbox", delay_s=delay_s)
        async with running(sandbox) as url:
            settings = Settings(
                discord_token="simulated",  # type: ignore[arg-type] # noqa: S106 - a text is read
                music_backend=contract,
                music_models=sandbox.models,
                music_extras=extras,
                music_lyrics=lyrics,
                database_url=Secret(database_url or f"sqlite:///{folder / 'tunesmith.db'}"),
                spool_dir=folder / "spool",
                poll_pace=pace,
                **{sandbox.key_setting.lower(): "sandbox", sandbox.url_setting.lower(): url},  # type: ignore[arg-type]
            )
            world = cls(settings, sandbox)
            try:
                await world._begin()
                world.env = simcord.Env(world.parts.client, shard_count=1, settle_timeout=SETTLE_MAX_S)
                if begins_at is not None:
                    world.env.backend.clock.advance((begins_at - world.env.now()).total_seconds())
                _speak(world.env, locale)
                await world.env.start()
                world._expect_refusals()
                try:
                    await world._move_in()
                    yield world
                finally:
                    await world._end()
                    await world.env.shutdown()
                if bugs := world.env.errors:
                    raise BaseExceptionGroup("bugs in the bot", bugs)
            finally:
                await world._process.aclose()

    async def _move_in(self) -> None:
        """Create the server and its channel, name the bot and start its runner."""
        self.clock.start_at(self.env.now())
        self.guild = self.env.create_guild(SERVER)
        self.channel = self.guild.create_text_channel(CHANNEL)
        if self.parts.client.user is not None:
            await self.parts.client.user.edit(username="Tunesmith")
        self._run()

    def add_member(self, name: str, *, manager: bool = False) -> simcord.MemberActor:
        """Add a member to the server; a ``manager`` may manage it."""
        roles = []
        if manager:
            permissions = discord.Permissions(manage_guild=True)
            roles.append(self.guild.create_role("Manager", permissions=permissions))
        return self.guild.add_member(self.env.create_user(name.lower(), global_name=name), roles=roles)

    async def restart(self) -> None:
        """Shut the bot down and start it again on the same database."""
        await self._end()
        await self._begin()
        await self.env.restart_bot(self.parts.client)
        self._expect_refusals()
        self._run()

    async def keep_time(self) -> None:
        """Advance the simulated Discord's clock to the time of this world."""
        lag_s = (self.clock() - self.env.now()).total_seconds()
        await self.env.advance_time(max(lag_s, 0.0))

    async def shorten_closure(self, wait: timedelta) -> None:
        """Let a music service that refuses requests be retried after ``wait`` at the latest."""
        latest = self.clock() + wait
        backend = self.settings.music_backend

        def late(tx: Tx) -> Breaker | None:
            state = breaker.read(tx, backend)
            return state if state.retry_at is not None and state.retry_at > latest else None

        if await self.parts.database.read(late) is None:
            return

        def shorten(tx: Tx) -> None:
            if (state := late(tx)) is not None:
                breaker.write(tx, backend, replace(state, retry_at=latest))

        await self.parts.database.write(shorten)

    def _expect_refusals(self) -> None:
        """Keep SimCord from counting a refusal as a bug, which the page would report as a failed command."""
        tree = self.parts.client.tree
        counted = tree.on_error

        async def on_error(
            interaction: discord.Interaction[TunesmithClient], error: discord.app_commands.AppCommandError
        ) -> None:
            answer = partial(type(tree).on_error, tree) if _is_refusal(error) else counted
            await answer(interaction, error)

        tree.on_error = on_error  # type: ignore[method-assign] # as SimCord does it

    async def _begin(self) -> None:
        self.parts = await self._process.enter_async_context(
            assemble(
                self.settings,
                now=self.clock,
                around_courier=lambda courier: ObservedCourier(courier, self.changed.set),
            )
        )

    def _run(self) -> None:
        self._runner = asyncio.create_task(self.parts.runner.run(), name="runner")

    async def _end(self) -> None:
        if self._runner is not None:
            self.parts.runner.stop()
            await self._runner
            self._runner = None
        await self._process.aclose()
        self._process = AsyncExitStack()
