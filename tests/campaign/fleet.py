"""The campaign of a fleet: several processes and a standby on one PostgreSQL server.

Processes are killed, or stand still and are woken again; they lose their sessions and their spools; the
server is restarted. At the end, the same books are audited as for a single bot.
"""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from random import Random
from typing import Any, Final

import psycopg

from bot.sandbox.server import running
from tests.campaign.campaign import (
    LOOK_EVERY_S,
    STOPS_WITHIN_S,
    Campaign,
    Report,
    Size,
    end_faults,
    settings_of,
    while_running,
)
from tests.campaign.machines import Holder, Machine, Seen, Takeovers, standbys_free
from tests.campaign.music import MUSIC, Music
from tests.campaign.plan import Moment
from tests.campaign.watch import STARTS_WITHIN_S, Watch
from tests.doubles.discord import Channel, FakeDiscord
from tests.flows.process import BotProcess
from tests.postgresql import Server

TAKEOVER_S: Final = 5
EXIT_LOST: Final = 70
WIPED_SHARE: Final = 0.4
"""Share of the kills that also delete the spool."""
LONG_SHARE: Final = 0.7
"""Share of the standstills that outlast a takeover."""
LEADER_SHARE: Final = 0.8
"""Share of the disturbances around a payment that affect the paying process."""
MOMENT_WITHIN_S: Final = 2.0
TAKEN_WITHIN_S: Final = 60.0
PREPARED_SHARE: Final = 0.8
"""Share of the disturbances that wait for a standby."""
PREPARED_WITHIN_S: Final = 30.0
MAX_CONCURRENCY: Final = 16
SERVERS_EACH: Final = 2
"""Number of servers per slot."""
MOMENTS: Final = [moment for moment in Moment if moment not in (Moment.STARTED, Moment.CLOCK)]


@dataclass(frozen=True, kw_only=True)
class FleetSize:
    """The size of a fleet and the number of its disturbances."""

    processes: int = 3
    standbys: int = 1
    kills: int = 40
    standstills: int = 20
    ended_sessions: int = 10
    restarts: int = 3
    """Restarts of the server."""
    stops: int = 3
    """Processes asked to stop."""


class Trouble(Enum):
    """A disturbance of a fleet."""

    KILL = auto()
    STANDSTILL = auto()
    ENDED_SESSIONS = auto()
    RESTART = auto()
    STOP = auto()


class Fleet(Campaign):
    """A campaign of several processes."""

    # While the server restarts, outcomes are retried with a backoff.
    answer_to_books_s = 10.0

    def __init__(self, folder: Path, seed: int, size: Size, fleet: FleetSize, server: Server) -> None:
        super().__init__(folder, seed, size)
        self._fleet = fleet
        self._server = server
        self._url = server.create(template="template0")
        self._machines: list[Machine] = []
        self._events: Counter[str] = Counter()
        self._takeovers = Takeovers()
        self._channels: list[Channel] = []
        self._waking: set[asyncio.Task[None]] = set()

    async def run(self) -> Report:
        """Disturb the fleet, let it finish undisturbed, and audit."""
        self._folder.mkdir(parents=True, exist_ok=True)
        began_s = time.monotonic()
        async with FakeDiscord() as discord, AsyncExitStack() as stack:
            discord.max_concurrency = MAX_CONCURRENCY
            music = MUSIC[self._size.contract](discord.changed, self._random("music"))
            async with running(music) as url:
                settings = settings_of(discord, music, url, self._size.contract) | {
                    "DATABASE_URL": self._url,
                    "PROCESSES": str(self._fleet.processes),
                    "TAKEOVER_S": str(TAKEOVER_S),
                }
                for number in range(self._fleet.processes + self._fleet.standbys):
                    machine = Machine(number, self._folder, settings)
                    stack.push_async_callback(machine.close)
                    self._machines.append(machine)
                    await machine.start()
                async with self._members(discord), self._mischief(discord, music):
                    await self._disturb(discord, music)
                killed_s = time.monotonic() - began_s
                music.calm()
                end_faults(discord, discord.faults)
                await self._finish()
                doctor_status, doctor_said = await self._doctor(settings)
            self._complaints += [f"Discord has no route {route}" for route in discord.unknown_routes]
            books = self._books(discord, music, doctor_status, doctor_said)
        kills: dict[str, int | str] = {
            "processes and standbys": f"{self._fleet.processes} + {self._fleet.standbys}",
            **dict(sorted(self._events.items())),
            **self._takeovers.totals(),
            "IDENTIFYs": len(discord.gateway.identifies),
        }
        return self._report(
            books, f"{time.monotonic() - began_s:.0f}, of them {killed_s:.0f} of trouble", kills
        )

    # -- the database

    def _query(self, question: str) -> list[Any]:
        with psycopg.connect(self._url) as connection:
            return connection.execute(question.encode()).fetchall()

    def _holders(self) -> dict[int, Holder]:
        """Return the holders by slot, including those that lost a slot not yet taken over."""
        with suppress(psycopg.Error):
            return {
                slot: Holder(slot, epoch, int(holder.rpartition(":")[2] or 0))
                for slot, epoch, holder in self._query("SELECT id, epoch, holder FROM slot")
            }
        return {}

    # -- members and mischief

    @asynccontextmanager
    async def _members(self, discord: FakeDiscord) -> AsyncIterator[None]:
        slots = self._fleet.processes
        wanted = [slot for slot in range(slots) for _ in range(SERVERS_EACH)]
        while wanted:
            guild = discord.add_guild()
            if (slot := (guild.id >> 22) % slots) in wanted:
                wanted.remove(slot)
                self._channels.append(discord.add_channel("songs", guild=guild))
        async with while_running(
            self._member(discord, discord.add_person(f"member{n}"), self._channels[n % len(self._channels)])
            for n in range(self._size.members)
        ):
            yield

    # -- disturbances

    async def _disturb(self, discord: FakeDiscord, music: Music) -> None:
        random, watch = self._random("fleet"), Watch(discord, music)
        await discord.until(
            lambda: all(
                channel.guild and discord.gateway.listening(channel.guild.id) for channel in self._channels
            ),
            2 * STARTS_WITHIN_S,
            "all shards",
        )
        left = [
            *[Trouble.KILL] * self._fleet.kills,
            *[Trouble.STANDSTILL] * self._fleet.standstills,
            *[Trouble.ENDED_SESSIONS] * self._fleet.ended_sessions,
            *[Trouble.RESTART] * self._fleet.restarts,
            *[Trouble.STOP] * self._fleet.stops,
        ]
        random.shuffle(left)
        while left:
            await self._replace_ended()
            if random.random() < PREPARED_SHARE:
                await self._until_prepared()
            moment = random.choice(MOMENTS)
            with suppress(AssertionError):
                await watch.next(moment, MOMENT_WITHIN_S)
            if random.random() < 0.4:
                await asyncio.sleep(random.uniform(0.0, 0.3))
            holder = self._victim(random, moment)
            if holder is None:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            await self._make(left.pop(), *holder, random)
        for task in list(self._waking):
            await task

    def _victim(self, random: Random, moment: Moment) -> tuple[Machine, Holder] | None:
        by_pid = {holder.pid: holder for holder in self._holders().values()}
        found = [(one, by_pid[one.bot.pid]) for one in self._machines if one.works and one.bot.pid in by_pid]
        leading = [pair for pair in found if pair[1].slot == 0]
        if leading and "paid" in moment and random.random() < LEADER_SHARE:
            return leading[0]
        return random.choice(found) if found else None

    async def _make(self, trouble: Trouble, machine: Machine, holder: Holder, random: Random) -> None:
        at_s = time.monotonic()
        self._killed_at_s.append(at_s)
        match trouble:
            case Trouble.KILL:
                self._events["KILLS"] += 1
                free = self._standby_is_free()
                await machine.bot.kill()
                self._keep(machine.bot, f"SIGKILL with slot {holder.slot}")
                if random.random() < WIPED_SHARE:
                    self._events["  with their spool"] += 1
                    shutil.rmtree(machine.spool, ignore_errors=True)
                if not free:
                    await machine.start()
                await self._taken(holder, at_s, "a kill" if free else "a kill with no standby free")
            case Trouble.STANDSTILL:
                self._events["STANDSTILLS"] += 1
                long = random.random() < LONG_SHARE
                for_s = (
                    TAKEOVER_S * random.uniform(1.6, 2.5) if long else random.uniform(0.3, TAKEOVER_S * 0.8)
                )
                free = self._standby_is_free()
                machine.bot.stand_still()
                machine.stands_still = True
                task = asyncio.create_task(self._wake(machine, machine.bot, holder, for_s))
                self._waking.add(task)
                task.add_done_callback(self._waking.discard)
                if long and free:
                    await self._taken(holder, at_s, "a standstill", until=task)
            case Trouble.ENDED_SESSIONS:
                self._events["ended sessions"] += 1
                self._query(
                    """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE application_name LIKE 'tunesmith%' AND pid <> pg_backend_pid()"""
                )
            case Trouble.RESTART:
                how = random.choice(("fast", "immediate"))
                self._events[f"restarts of the server ({how})"] += 1
                await asyncio.to_thread(self._server.stop, how)
                await asyncio.to_thread(self._server.start)
                self._killed_at_s.append(time.monotonic())
            case Trouble.STOP:
                self._stops += 1
                self._events["stops (SIGTERM)"] += 1
                self._expect(0, await self._terminated(machine.bot))
                self._keep(machine.bot, f"SIGTERM with slot {holder.slot}")
                await machine.start()

    async def _until_prepared(self) -> None:
        """Wait for a standby, if one is expected soon."""
        until_s = time.monotonic() + PREPARED_WITHIN_S
        while not self._standby_is_free() and time.monotonic() < until_s:
            await self._replace_ended()
            await asyncio.sleep(LOOK_EVERY_S)

    def _standby_is_free(self) -> bool:
        seen = [Seen(one.bot.pid, one.works, one.bot.log) for one in self._machines]
        return standbys_free(seen, self._holders().values()) > 0

    async def _wake(self, machine: Machine, bot: BotProcess, holder: Holder, for_s: float) -> None:
        await asyncio.sleep(for_s)
        now = self._holders().get(holder.slot, holder)
        self._killed_at_s.append(time.monotonic())
        bot.go_on()
        machine.stands_still = False
        if now.epoch == holder.epoch:
            self._events["  woken with their slot"] += 1
            return
        self._events["  woken without their slot"] += 1
        try:
            self._expect(EXIT_LOST, await bot.ended(STOPS_WITHIN_S))
        except TimeoutError:
            self._complaints.append(f"a process without its slot {holder.slot} went on")

    async def _taken(
        self, holder: Holder, at_s: float, what: str, until: "asyncio.Task[None] | None" = None
    ) -> None:
        """Wait until another process has the slot, while others are replaced as usual."""
        while time.monotonic() - at_s < TAKEN_WITHIN_S:
            now = self._holders().get(holder.slot, holder)
            if now.epoch != holder.epoch:
                self._takeovers.add(what, time.monotonic() - at_s)
                return
            if until is not None and until.done():
                self._events["  woken before anybody took their slot"] += 1
                return
            # The standby may have taken another slot meanwhile: only the killed process can take this one.
            await self._replace_ended()
            await asyncio.sleep(LOOK_EVERY_S)
        self._complaints.append(
            f"slot {holder.slot} was not taken over in {TAKEN_WITHIN_S:.0f} s after {what}"
        )

    async def _replace_ended(self) -> None:
        """Restart processes that have exited, as a service manager does."""
        for machine in self._machines:
            status = machine.bot.status
            if status is None:
                continue
            if machine.bot.lines and status == EXIT_LOST:
                self._events["ended because their slot was lost"] += 1
            elif status >= 0:
                last = machine.bot.lines[-3:]
                self._complaints.append(f"process {machine.number} ended by itself with {status}: {last}")
            if status >= 0:
                await machine.bot.ended()
                self._keep(machine.bot, f"by itself with {status}")
            await machine.start()

    async def _finish(self) -> None:
        """Wait until no work is left, and stop the fleet."""
        end_s = time.monotonic() + self._size.quiet_s
        while time.monotonic() < end_s:
            await self._replace_ended()
            if not self._left():
                break
            await asyncio.sleep(LOOK_EVERY_S)
        else:
            self._complaints.append(f"{self._left()} jobs came to no end in {self._size.quiet_s:.0f} s")
        for machine in self._machines:
            self._expect(0, await self._terminated(machine.bot))
            self._keep(machine.bot, "SIGTERM with nothing left to do")
