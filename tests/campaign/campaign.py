"""The campaign: real processes of the bot between a Discord and a music service, killed repeatedly."""

import asyncio
import math
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from bot.model import Backend
from bot.sandbox.server import running
from tests.campaign.audit import Audit, Books, Payment, Row
from tests.campaign.bookkeeping import id_at_service, message_of, request_of
from tests.campaign.music import MUSIC, Music, number_in
from tests.campaign.plan import (
    HANG,
    TROUBLES,
    Moment,
    Trouble,
    draw_life,
    draw_music_fault,
    draw_prompt,
)
from tests.campaign.watch import Watch
from tests.doubles.discord import Channel, FakeDiscord, Fault, NoAnswerError, Person
from tests.doubles.music import MUSIC_KEY, PaidRequest
from tests.doubles.music.variants import VARIANTS
from tests.flows.process import END_WITHIN_S, BotProcess

PRICE: Final = 10
PLENTY: Final = 10**9
TIMES_TWO_SHARE: Final = 0.1
"""Share of the requests that Discord delivers twice."""
ANSWER_TO_BOOKS_S: Final = 1.0
"""Maximum time from receiving an id to recording it, in seconds."""
ARRIVES_LATE_S: Final = 0.5
"""Time after a kill for the killed bot's requests to arrive, in seconds; no new bot sends so soon."""
MEMBER_WAITS_S: Final = 4.0
STOPS_WITHIN_S: Final = 40.0
LOOK_EVERY_S: Final = 0.05
BUGS: Final = (
    *("a bug in the step", "supervised part failed", "could not be written down", "CRITICAL", "dialled"),
)
"""Text that never appears in the log of a correct bot."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """The size of a campaign; the killing stops at the first limit reached."""

    kills: int | None = None
    seconds: float | None = None
    requests: int | None = None
    """Maximum number of requested songs."""
    members: int = 9
    think_s: float = 8.0
    """Maximum pause before a member's next request, in seconds."""
    life_s: float = 3.0
    """Maximum lifetime of a bot after it has connected, in seconds."""
    quiet_s: float = 400.0
    """Maximum time for all work to finish afterwards, in seconds."""
    contract: Backend = Backend.SSEEDANCE
    """The music service's contract."""
    variants: bool = False
    """Whether the music service answers in a random shape for each song."""
    cards: bool = True
    """Whether the cards must be up to date as well; they are edited at most every 5 s."""


SERVERS: Final = 3


@dataclass(kw_only=True)
class Report:
    """The result of a campaign."""

    totals: dict[str, int | str]
    violations: list[str]
    books: Books


class Campaign:
    """A campaign in a folder that keeps the database, the log and the spool."""

    answer_to_books_s = ANSWER_TO_BOOKS_S

    def __init__(self, folder: Path, seed: int, size: Size) -> None:
        self._folder = folder
        self._seed = seed
        self._size = size
        self._asked = 0
        self._lives = 0
        self._killed_at_s: list[float] = []
        self._moments: Counter[Moment] = Counter()
        self._stops = 0
        self._may_hang = False
        self._troubles: Counter[str] = Counter()
        self._ordered: list[Fault] = []
        self._complaints: list[str] = []

    async def run(self) -> Report:
        """Kill bots, let the last one finish undisturbed, and audit."""
        self._folder.mkdir(parents=True, exist_ok=True)
        began_s = time.monotonic()
        async with FakeDiscord() as discord:
            variants = VARIANTS[self._size.contract](self._seed) if self._size.variants else None
            music = MUSIC[self._size.contract](discord.changed, self._random("music"), variants)
            async with running(music) as url:
                settings = settings_of(discord, music, url, self._size.contract)
                async with self._members(discord), self._mischief(discord, music):
                    await self._kill(discord, music, settings)
                killed_s = time.monotonic() - began_s
                music.calm()
                end_faults(discord, discord.faults)
                await self._quiet(discord, settings)
                doctor_status, doctor_said = await self._doctor(settings)
            self._complaints += [f"Discord has no route {route}" for route in discord.unknown_routes]
            books = self._books(discord, music, doctor_status, doctor_said)
        kills: dict[str, int | str] = {
            "KILLS": len(self._killed_at_s),
            **{f"  {moment}": self._moments[moment] for moment in Moment},
            "stops (SIGTERM)": self._stops,
        }
        return self._report(
            books, f"{time.monotonic() - began_s:.0f}, of them {killed_s:.0f} of killing", kills
        )

    def _report(self, books: Books, seconds: str, kills: dict[str, int | str]) -> Report:
        """Audit the books."""
        audit = Audit(books)
        for fault in self._ordered:
            self._troubles[f"Discord: {fault.method} {fault.kind}"] += fault.hits
        totals: dict[str, int | str] = {
            "seed": self._seed,
            "seconds": seconds,
            **kills,
            "troubles": self._troubles.total(),
            **{f"  {name}": count for name, count in sorted(self._troubles.items())},
        }
        return Report(totals=totals | audit.totals(), violations=audit.violations(), books=books)

    def _random(self, name: str) -> Random:
        return Random(f"{self._seed}:{name}")  # noqa: S311 - to be drawn again from the same seed

    # -- the bot

    async def _kill(self, discord: FakeDiscord, music: Music, settings: dict[str, str]) -> None:
        random = self._random("kills")
        until_s = time.monotonic() + (self._size.seconds or PLENTY)
        watch = Watch(discord, music)
        while len(self._killed_at_s) < (self._size.kills or PLENTY) and time.monotonic() < until_s:
            life = draw_life(random, self._size.life_s)
            # When stopping, the bot would wait for a send that hangs.
            self._may_hang = not life.gentle
            if life.gentle:
                end_faults(discord, [fault for fault in discord.faults if fault.kind == HANG])
            self._lives += 1
            async with self._bot(settings) as bot:
                try:
                    reached = await watch.reached(life)
                except AssertionError as error:
                    self._complaints.append(f"life {self._lives}: {error}")
                    reached = False
                if life.gentle:
                    await self._stop(bot, connected=bool(discord.gateway.listening(discord.guild.id)))
                else:
                    self._moments[life.moment if reached else Moment.CLOCK] += 1
                    self._killed_at_s.append(time.monotonic())
                    self._expect(-signal.SIGKILL, await bot.kill())
                self._keep(
                    bot, f"{life.signal.name} {life.moment}{'' if reached else ', which did not come'}"
                )
            for name, session in list(discord.gateway.sessions.items()):
                if not session.connected:
                    del discord.gateway.sessions[name]

    async def _stop(self, bot: BotProcess, *, connected: bool) -> None:
        self._stops += 1
        try:
            status = await self._terminated(bot)
        except TimeoutError:
            self._complaints.append(
                f"life {self._lives} did not end within {STOPS_WITHIN_S:.0f} s of SIGTERM"
            )
            await bot.kill()
            return
        except ProcessLookupError:
            status = await bot.ended()
            self._complaints.append(f"life {self._lives} ended by itself with {status}")
        # Until it has installed its handler, Python exits at once.
        if connected or status != -signal.SIGTERM:
            self._expect(0, status)

    async def _terminated(self, bot: BotProcess) -> int:
        try:
            return await bot.terminate()
        except TimeoutError:
            return await bot.ended(STOPS_WITHIN_S - END_WITHIN_S)

    def _expect(self, expected: int, status: int) -> None:
        if status != expected:
            self._complaints.append(f"life {self._lives} ended with {status} instead of {expected}")

    def _bot(self, settings: dict[str, str]) -> AbstractAsyncContextManager[BotProcess]:
        return BotProcess.running(self._folder, ("bot", "run"), settings)

    def _keep(self, bot: BotProcess, end: str) -> None:
        """Save a bot's output and check it."""
        with (self._folder / "bot.log").open("a", encoding="utf-8") as log:
            log.write(f"=== life {self._lives}, {len(bot.lines)} lines, ended: {end}\n{bot.log}\n")
        self._complaints += [
            f"life {self._lives}: {line}" for line in bot.lines if any(words in line for words in BUGS)
        ]

    async def _quiet(self, discord: FakeDiscord, settings: dict[str, str]) -> None:
        """Run the last bot undisturbed until nothing is left to do."""
        self._lives += 1
        async with self._bot(settings) as bot:
            try:
                async with asyncio.timeout(self._size.quiet_s):
                    await discord.until(lambda: discord.gateway.listening(discord.guild.id), PLENTY)
                    while self._left():  # noqa: ASYNC110 - a file tells nobody that it has changed
                        await asyncio.sleep(LOOK_EVERY_S)
            except TimeoutError:
                self._complaints.append(f"{self._left()} jobs came to no end in {self._size.quiet_s:.0f} s")
            await self._stop(bot, connected=True)
            self._keep(bot, "SIGTERM with nothing left to do")

    def _left(self) -> int:
        """Return the jobs that the bot still has to work on."""
        question = "SELECT COUNT(*) FROM job WHERE due_at IS NOT NULL"
        if self._size.cards:
            question += " OR (card_due_at IS NOT NULL AND card_message_id IS NOT NULL)"
        return int(self._query(question)[0][0])

    def _query(self, question: str) -> list[Any]:
        path = self._folder / "tunesmith.db"
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(question).fetchall()

    async def _doctor(self, settings: dict[str, str]) -> tuple[int, str]:
        command = ("bot", "doctor", "--ledger")
        async with BotProcess.running(self._folder, command, settings) as doctor:
            return await doctor.ended(30.0), doctor.log

    # -- members and mischief

    @asynccontextmanager
    async def _members(self, discord: FakeDiscord) -> AsyncIterator[None]:
        """Let members request songs continuously while inside."""
        guilds = [discord.guild, *(discord.add_guild() for _ in range(SERVERS - 1))]
        channels = [discord.add_channel("songs", guild=guild) for guild in guilds]
        async with while_running(
            self._member(discord, discord.add_person(f"member{index}"), channels[index % SERVERS])
            for index in range(self._size.members)
        ):
            yield

    async def _member(self, discord: FakeDiscord, person: Person, channel: Channel) -> None:
        random = self._random(person.name)
        guild = channel.guild
        assert guild is not None
        while self._size.requests is None or self._asked < self._size.requests:
            self._asked += 1
            prompt = draw_prompt(random, self._asked)
            await discord.until(lambda: discord.gateway.listening(guild.id), PLENTY)
            with suppress(NoAnswerError):
                answer = await discord.slash(
                    "music create", prompt=prompt, user=person, channel=channel, timeout_s=MEMBER_WAITS_S
                )
                if random.random() < TIMES_TWO_SHARE:
                    await discord.dispatch(answer.interaction.payload)
            await asyncio.sleep(random.uniform(0.0, self._size.think_s))

    @asynccontextmanager
    async def _mischief(self, discord: FakeDiscord, music: Music) -> AsyncIterator[None]:
        """Inject failing requests and broken connections while inside."""
        async with while_running([self._make_mischief(discord, music, self._random("mischief"))]):
            yield

    async def _make_mischief(self, discord: FakeDiscord, music: Music, random: Random) -> None:
        while True:
            await asyncio.sleep(random.uniform(0.1, 0.8))
            kind = random.random()
            if kind < 0.1:
                # A refused bot waits 5 s before it retries, and would then be disconnected again.
                if not discord.gateway.listening(discord.guild.id):
                    continue
                if random.random() < 0.7:
                    await discord.drop_gateway()
                else:
                    await discord.invalidate_session()
                self._troubles["gateway lost"] += 1
            elif kind < 0.35 and not music.faults:
                fault = draw_music_fault(random)
                music.faults.append(fault)
                self._troubles[f"music: {fault.on} {fault.kind}"] += 1
            elif kind >= 0.35:
                self._make_trouble(discord, random.choice(TROUBLES))

    def _make_trouble(self, discord: FakeDiscord, trouble: Trouble) -> None:
        """Inject the fault, unless one of its kind is still pending."""
        waiting = [fault for fault in discord.faults if not fault.hits]
        discord.faults[:] = waiting + [fault for fault in discord.faults if fault.hits and fault.kind == HANG]
        same = any((one.method, one.path_pattern) == (trouble.method, trouble.path) for one in waiting)
        if same or (trouble.kind == HANG and not self._may_hang):
            return
        kind, code, stored = trouble.kind, trouble.code, trouble.stored
        self._ordered.append(discord.fault(trouble.method, trouble.path, kind, code=code, stored=stored))

    # -- the books

    def _books(self, discord: FakeDiscord, music: Music, doctor_status: int, doctor_said: str) -> Books:
        rows = self._query(
            "SELECT id, interaction_id, task_id, state, reason, card_message_id IS NOT NULL FROM job"
        )
        return Books(
            price=PRICE,
            kills=len(self._killed_at_s),
            requests=tuple(request_of(one) for one in discord.interactions.values() if one.dispatches),
            messages=tuple(message_of(one) for one in discord.messages if one.via == "bot"),
            posts=tuple(
                Payment(
                    number=number_in(post.prompt),
                    given=post.given,
                    cut_off=self._cut_off(post),
                    task_id=post.task_id,
                    asked=post.task_id in music.asked,
                    makes_song=post.task_id is not None and music.makes_song(post.task_id),
                )
                for post in music.paid
            ),
            rows=tuple(
                Row(
                    job_id=job_id,
                    interaction_id=interaction_id,
                    task_id=id_at_service(task_id),
                    state=state,
                    reason=reason,
                    card_known=bool(card_known),
                )
                for job_id, interaction_id, task_id, state, reason, card_known in rows
            ),
            doctor_status=doctor_status,
            doctor_said=doctor_said,
            complaints=tuple(self._complaints),
        )

    def _cut_off(self, post: PaidRequest) -> bool:
        """Return whether the bot was killed before it can have recorded the answer to this paid request."""
        over_s = math.inf if post.answered_at_s is None else post.answered_at_s + self.answer_to_books_s
        return any(post.arrived_at_s - ARRIVES_LATE_S <= at_s <= over_s for at_s in self._killed_at_s)


def settings_of(discord: FakeDiscord, music: Music, url: str, contract: Backend) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.url,
        "MUSIC_BACKEND": contract.value,
        music.key_setting: MUSIC_KEY,
        music.url_setting: url,
        "POLL_PACE": "0.01",
        "SONG_CREDITS": str(PRICE),
        "GUILD_CREDITS": str(PLENTY),
    }


def end_faults(discord: FakeDiscord, faults: list[Fault]) -> None:
    """Stop these faults and release the requests that hang because of them."""
    for fault in list(faults):
        fault.stop()
        discord.faults.remove(fault)


@asynccontextmanager
async def while_running(works: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run them while the block runs."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        yield
        for task in tasks:
            task.cancel()
