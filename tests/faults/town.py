"""The bot's own parts on a Discord that they reach by HTTP alone, where hours pass at once."""

import asyncio
import functools
import logging
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import discord
import httpx
import pytest
from aiohttp import web

from bot.app import Parts, assembled
from bot.jobs.courier import MessageKind
from bot.model import Balance, Job, JobState
from bot.sandbox.server import running
from bot.settings import GivenSettings
from bot.store import jobs, ledger
from bot.store.database import Tx
from bot.store.proof import prove
from bot.ui.buttons import MARKS
from tests import make
from tests.flows.process import MUSIC_KEY, QuickSandbox
from tests.standin import Answer, BotRequest, Channel, FakeDiscord, Fault, Message, NoAnswerError, Person
from tests.standin.wire import MANAGE_GUILD, MEMBER_PERMISSIONS, Json

NONCE_S = 60.0
"""Discord says "the past few minutes"; this is the least that the bot builds on."""
STUCK_S = 1.0
"""After so long without a sign of life a round waits for a deadline, and time goes on to it."""
DEADLINE_S = 60.0
"""The longest deadline of a call to Discord."""
FINAL = frozenset({JobState.DELIVERED, JobState.EXPLAINED, JobState.UNDELIVERED})
INTERNAL = ("Traceback", "Error", "Exception", "HTTP", "None", "task", "127.0.0.1")
"""Words that no member has any use for."""


class Hours(make.Clock):
    """A clock that takes the event loop's along: what was to last hours is over at once."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._real_s = self._loop.time
        self._skipped_s = 0.0

    def loop_s(self) -> float:
        """What the event loop takes for its time."""
        return self._real_s() + self._skipped_s

    def forward(self, **delta: float) -> datetime:
        self._skipped_s += timedelta(**delta).total_seconds()
        return super().forward(**delta)

    async def sleep(self, delay: float, result: object = None) -> object:
        """As ``asyncio.sleep``, and a deadline that comes first still comes first."""
        self._loop.call_soon(partial(self.forward, seconds=delay))
        await asyncio.sleep(delay)
        return result


class DirectDiscord(FakeDiscord):
    """Hands interactions to the bot's client itself, and knows when each request came."""

    def __init__(self, clock: Hours) -> None:
        super().__init__(now=lambda: clock().timestamp())
        self.nonce_window_s = NONCE_S
        self.clock = clock
        self.by_gateway = False
        """True: interactions take the way that they take at Discord."""
        self.receive: Callable[[Json], set[asyncio.Task[Any]]]
        self.came: list[tuple[datetime, BotRequest]] = []
        self.before_answering: Callable[[], Awaitable[None]] | None = None
        self.sign = asyncio.Event()
        """Set with each request to either service, and each answer."""

    def changed(self) -> None:
        super().changed()
        self.sign.set()

    def begin(self, payload: Json) -> set[asyncio.Task[Any]]:
        """Send an interaction. Returns the tasks in which the bot looks after it."""
        interaction = self.interactions[int(payload["id"])]
        if not interaction.dispatches:
            interaction.created_at_s = self.now()
        interaction.dispatches += 1
        return self.receive(payload)

    async def interact(self, payload: Json, *, timeout_s: float = 5.0) -> Answer:
        if self.by_gateway:
            return await super().interact(payload, timeout_s=timeout_s)
        await asyncio.wait(self.begin(payload))
        return self.outcome(payload)

    def outcome(self, payload: Json) -> Answer:
        """The answer to an interaction that was looked after."""
        outcome = self.interactions[int(payload["id"])].outcome
        if isinstance(outcome, Answer):
            return outcome
        raise outcome or NoAnswerError("the bot did not answer")

    def command(self, text: str, user: Person, channel: Channel, /, **values: object) -> Json:
        """The event of a slash command, to be sent as often as wanted."""
        data = self._command_data(text, values, channel, user, unchecked=False)
        return self.payload(2, data, user=user, channel=channel)

    async def _with_fault(
        self, call: BotRequest, fault: Fault | None, request: web.Request
    ) -> web.Response | None:
        self.came.append((self.clock(), call))
        response = await super()._with_fault(call, fault, request)
        if self.before_answering is not None:
            await self.before_answering()
        return response


class DirectMusic(QuickSandbox):
    """A music service in the same time."""

    before_answering: Callable[[], Awaitable[None]] | None = None

    async def _asked(self, request: web.Request, response: web.StreamResponse) -> None:
        await super()._asked(request, response)
        if self.before_answering is not None:
            await self.before_answering()


class Town:
    """A channel, a member, and the bot. Get it from ``Town.open``."""

    def __init__(
        self, clock: Hours, chat: DirectDiscord, music: DirectMusic, settings: GivenSettings
    ) -> None:
        self.clock = clock
        self.discord = chat
        self.music = music
        self.settings = settings
        self.stuck_s = STUCK_S
        self.parts: Parts
        self._process = AsyncExitStack()
        self._handling: set[asyncio.Task[Any]] = set()
        chat.receive = self._receive

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, monkeypatch: pytest.MonkeyPatch, *, delay_s: float = 0.0, **settings: object
    ) -> AsyncIterator[Self]:
        """Both services on free ports, and the bot logged in; nobody may ask for what is not there."""
        clock = Hours()
        monkeypatch.setattr(asyncio.get_running_loop(), "time", clock.loop_s)
        hurry(monkeypatch, clock, "discord.http", "discord.webhook.async_", "discord.shard", "discord.client")
        context = _one_ssl_context()
        monkeypatch.setattr("httpx._transports.default.create_ssl_context", lambda **_: context)
        monkeypatch.setattr("httpx.create_ssl_context", lambda **_: context)
        async with DirectDiscord(clock) as chat:
            monkeypatch.setattr(discord.http.Route, "BASE", chat.url)
            socket = discord.gateway.DiscordWebSocket
            monkeypatch.setattr(socket, "DEFAULT_GATEWAY", socket.DEFAULT_GATEWAY)
            music = DirectMusic(chat.changed, delay_s=delay_s)
            music._clock = lambda: clock().timestamp()
            async with running(music) as url:
                given: dict[str, object] = {
                    "discord_token": chat.token,
                    "discord_api_url": chat.url,
                    "music_api_key": MUSIC_KEY,
                    "music_api_url": url,
                    "database_url": f"sqlite:///{folder / 'tunesmith.db'}",
                    "spool_dir": folder / "spool",
                }
                town = cls(clock, chat, music, GivenSettings(**(given | settings)))  # type: ignore[arg-type]
                try:
                    await town.start()
                    yield town
                finally:
                    await town.stop()
            assert chat.unknown_routes == []

    # -- the process

    async def start(self) -> None:
        """A new process on the same database, logged in."""
        await self.assemble()
        await self.parts.client.login(self.discord.token)

    async def assemble(self) -> None:
        """A new process on the same database, which has not spoken to Discord yet."""
        self.parts = await self._process.enter_async_context(assembled(self.settings, now=self.clock))

    async def stop(self) -> None:
        """The end of the process, with nothing under way."""
        await self.parts.client.close()
        await self._process.aclose()
        self._process = AsyncExitStack()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def kill(self) -> None:
        """The end of the process in the middle of what it does."""
        under_way = [*self.parts.runner._busy, *self._handling]
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)
        await self.stop()

    def _receive(self, payload: Json) -> set[asyncio.Task[Any]]:
        before = asyncio.all_tasks()
        self.parts.client._connection.parse_interaction_create(payload)  # type: ignore[arg-type]
        tasks = asyncio.all_tasks() - before
        self._handling |= tasks
        for task in tasks:
            task.add_done_callback(self._handling.discard)
        return tasks

    # -- the people

    @property
    def channel(self) -> Channel:
        return self.discord.channel

    @property
    def mira(self) -> Person:
        return self.discord.user

    def manager(self, name: str = "keeper") -> Person:
        return self.discord.add_person(name, permissions=MEMBER_PERMISSIONS | MANAGE_GUILD)

    async def ask(
        self, prompt: str = "Warm synth pop", *, user: Person | None = None, channel: Channel | None = None
    ) -> Answer:
        """A member uses /music create."""
        return await self.discord.slash("music create", prompt=prompt, user=user, channel=channel)

    async def form(self, *, user: Person | None = None, channel: Channel | None = None) -> Answer:
        """A member opens the form."""
        return await self.discord.slash("music custom", user=user, channel=channel)

    # -- the pipeline

    async def round(self) -> int:
        """One look around, to its end; deadlines that it waits for pass at once."""
        work = asyncio.create_task(self.parts.runner.round())
        hanging, heard_s = self._hanging(), time.monotonic()
        while not work.done():
            self.discord.sign.clear()
            sign = asyncio.create_task(self.discord.sign.wait())
            # In the loop's time; that much may pass in no time at all.
            await asyncio.wait({work, sign}, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
            if sign.done():
                heard_s = time.monotonic()
            sign.cancel()
            silent = time.monotonic() - heard_s >= self.stuck_s
            if not work.done() and (silent or self._hanging() > hanging):
                hanging, heard_s = self._hanging(), time.monotonic()
                self.clock.forward(seconds=DEADLINE_S + 1)
        return work.result()

    def _hanging(self) -> int:
        return sum(fault.hits for fault in self.discord.faults if str(fault.kind).startswith("hang"))

    async def step(self) -> None:
        """A round, at the time at which the next thing is due."""
        due_at = await self.read(lambda tx: jobs.next_due(tx, 1 << 40))
        assert due_at is not None, f"nothing is due: {await self.jobs()}"
        self.clock.forward(seconds=max((due_at - self.clock()).total_seconds(), 0.0))
        await self.round()

    async def until(self, *states: JobState, within: timedelta = timedelta(days=2)) -> list[Job]:
        """Rounds until all jobs are in one of these states. Returns them, oldest first."""
        end = self.clock() + within
        while self.clock() < end:
            found = await self.jobs()
            if all(job.state in states for job in found):
                return found
            await self.step()
        raise AssertionError(f"not {states} within {within}: {await self.jobs()}")

    async def rest(self) -> list[Job]:
        """Rounds until nothing is due any more. Returns the jobs, oldest first."""
        while await self.read(lambda tx: jobs.next_due(tx, 1 << 40)) is not None:
            await self.step()
        return await self.jobs()

    # -- what came of it

    async def read(self, fn: Callable[[Tx], Any]) -> Any:  # noqa: ANN401 - whatever ``fn`` returns
        return await self.parts.database.read(fn)

    async def jobs(self) -> list[Job]:
        """All there are, oldest first."""

        def every(tx: Tx) -> list[Job]:
            rows = tx.execute("SELECT id FROM job ORDER BY created_at, rowid").fetchall()
            found = [jobs.get(tx, row["id"]) for row in rows]
            return [job for job in found if job is not None]

        found: list[Job] = await self.read(every)
        return sorted(found, key=lambda job: job.reply_to.interaction_id)

    async def job(self) -> Job:
        """The one job."""
        (job,) = await self.jobs()
        return job

    async def balance(self, guild_id: int | None = None) -> Balance:
        settings = self.settings
        defaults = ledger.Defaults(allowance=settings.guild_credits, period=settings.credit_period)
        where = guild_id or self.discord.guild.id
        found: Balance = await self.read(lambda tx: ledger.balance(tx, where, defaults, self.clock()))
        return found

    def about(self, job: Job, kind: MessageKind = MessageKind.SONG) -> list[Message]:
        """Every message of this kind for the job, in whatever channel, deleted ones too."""
        mark = f"{MARKS[kind]}:{job.id}"
        return [
            message
            for message in self.discord.messages
            if mark in [button.get("custom_id") for button in message.buttons()]
        ]

    def sends(self, channel: Channel | None = None) -> list[datetime]:
        """When the bot asked for a message to be posted in this channel."""
        path = f"/channels/{(channel or self.channel).id}/messages"
        return [at for at, call in self.discord.came if (call.method, call.path) == ("POST", path)]

    async def assert_survived(self, caplog: pytest.LogCaptureFixture, *, charged: int) -> None:
        """What holds whatever happened: ``charged`` paid requests, exact books, one message a job."""
        proof = await self.read(prove)
        assert () == proof.findings
        assert charged == self.music.tasks_created
        found = await self.jobs()
        assert [] == [job.id for job in found if f"job {job.id}" not in caplog.text]
        for kind in MessageKind:
            assert [] == [job.id for job in found if len(self.about(job, kind)) > 1]
        assert [] == bugs(caplog)
        secrets = [self.discord.token, MUSIC_KEY, *(i.token for i in self.discord.interactions.values())]
        assert [] == [secret for secret in secrets if secret in caplog.text]
        internal = [str(job.id) for job in found] + list(self.music.tasks)
        assert [] == [
            (word, text)
            for text in self.shown()
            for word in (*INTERNAL, *internal, *secrets)
            if word in text
        ]

    def shown(self) -> list[str]:
        """All that members read of the bot."""
        every = [*self.discord.messages, *self.discord.ephemeral_messages]
        return [message.text() for message in every if message.author is self.discord.bot]


def bugs(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Lines about what nobody has foreseen."""
    return [
        record.getMessage()
        for record in caplog.records
        if "a bug" in record.getMessage() or record.levelno >= logging.CRITICAL or record.name == "asyncio"
    ]


@functools.cache
def _one_ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def hurry(monkeypatch: pytest.MonkeyPatch, clock: Hours, *names: str, pause_s: float = 0.0) -> None:
    """The waits of these modules take no time, or ``pause_s``."""

    async def sleep(delay: float, result: object = None) -> object:
        await asyncio.sleep(pause_s)
        return await clock.sleep(delay, result)

    for name in names:
        hurried = ModuleType("asyncio")
        vars(hurried).update(vars(asyncio) | {"sleep": sleep})
        monkeypatch.setattr(sys.modules[name], "asyncio", hurried)
