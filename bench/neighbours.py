"""Measure answers, songs and memory on other servers while one member does their worst.

    python -m bench.neighbours

The bot runs as a process on a large database, between doubles of Discord and of the music API on this
machine. Members of one server request songs, first alone, then while a member of another server repeats one
action as fast as Discord allows. Each answer is timed at the double, from sending the interaction to
receiving the answer; each song, from its request to its post.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.answer import UNLIMITED
from bot.database import sqlite_connections
from bot.model import DiscordUserId
from bot.store import members, times
from tests.doubles.discord import Channel, NoAnswerError, Person
from tests.flows.process import BotProcess, World

ANSWER_MAX_S = 0.5
"""Maximum 99th percentile of the answer times, in seconds."""
POST_LATER_MAX_S = 5.0
"""Maximum delay of a song compared with the median alone, in seconds."""
MEMORY_MAX_MIB = 200.0
"""Maximum peak memory of the bot, in MiB."""
PRESSES_PER_S, KEYS_PER_S = 5, 10
"""How fast a person may press and type; Discord's own limits are lower."""
OWN_SONGS = 500
"""Number of songs each abusive member has in the database."""
DELETERS = 20
"""Number of abusive members who delete their data, one after another."""
CROWD, SERVERS = 1_000, 40
"""Number of other members with songs, and of their servers."""
ROOMS = 8
"""Number of the neighbours' servers, used in turn: Discord limits the message rate of each channel."""
WARM_UP = 2
"""Number of songs before the measurement."""
LYRICS_BYTES = 2_200
"""Number of random bytes that make up a song's lyrics, written as hexadecimal digits."""
NO_ANSWER_S = 5.0
"""Time recorded for an answer that never came, in seconds."""
POST_WITHIN_S = 90.0
"""How long to wait for a song, in seconds; recorded as its time if it never arrives."""
NUMBERS = itertools.count(1)
"""Numbers of the neighbours' songs."""
PLENTY = {**UNLIMITED, "TOTAL_CREDITS_MAX": "1000000000", "LOG_LEVEL": "WARNING"}

FILL = """
CREATE TEMP TABLE who (n INTEGER PRIMARY KEY, member INTEGER, guild INTEGER, channel INTEGER);
CREATE TEMP TABLE made AS
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :songs)
  SELECT i, who.* FROM n JOIN who ON who.n = CASE WHEN i <= :own THEN (i - 1) / :each
                                             ELSE :abusers + i % (:people - :abusers) END;
INSERT INTO job (id, interaction_id, guild_id, channel_id, member_id, may_reference, state, created_at,
                 state_since, price, day, allowance_part, bonus_part, task_id, submitted_at)
  SELECT i, i, guild, channel, member, 1, 'delivered', :now - i % 80 * 86400000 - i,
         :now - i % 80 * 86400000 - i + 60000, 10, :today - i % 80, 10, 0, 'old-' || i,
         :now - i % 80 * 86400000 - i FROM made;
INSERT INTO text (id, author_id, value)
  SELECT 2 * i, member, 'Song ' || i FROM made UNION ALL
  SELECT 2 * i + 1, member, hex(randomblob(:bytes)) FROM made;
INSERT INTO song (job_id, model, custom, instrumental, asked_by, title_id, lyrics_id)
  SELECT i, 'V5', 1, 0, 'somebody', 2 * i, 2 * i + 1 FROM made;
INSERT INTO ledger (at, kind, guild_id, day, allowance, job_id, member_id)
  SELECT created_at, 'hold', guild_id, day, 10, id, member_id FROM job
  UNION ALL SELECT state_since, 'settle', guild_id, day, 10, id, member_id FROM job;
INSERT INTO usage (guild_id, member_id, day, allowance_used)
  SELECT guild_id, member_id, day, SUM(allowance) FROM ledger WHERE kind = 'settle'
    GROUP BY guild_id, member_id, day
  UNION ALL SELECT guild_id, 0, day, SUM(allowance) FROM ledger WHERE kind = 'settle' GROUP BY guild_id, day
"""


@dataclass(frozen=True)
class Scene:
    """The double's servers and people, and the bot."""

    world: World
    bot: BotProcess
    channel: Channel
    abuser: Person
    deleters: Iterator[Person]
    rooms: list[tuple[Channel, Person]]


@dataclass
class Measured:
    """Measurements during one action."""

    answers_s: list[float] = field(default_factory=list)
    posts_s: list[float] = field(default_factory=list)
    presses: int = 0
    memory_mib: float = 0.0

    def answer_ms(self, percent: int) -> float:
        """Return a percentile of the answers in milliseconds."""
        return statistics.quantiles(self.answers_s, n=100, method="inclusive")[percent - 1] * 1000


def fill(path: Path, songs: int, people: list[tuple[Person, Channel]], abusers: int) -> None:
    """Create a database with songs of these people, ``OWN_SONGS`` for each of the first ``abusers``."""
    now = datetime.now(UTC)
    each = min(OWN_SONGS, songs // (2 * abusers))
    values = {
        "songs": songs,
        "own": each * abusers,
        "each": each,
        "abusers": abusers,
        "people": len(people),
        "bytes": LYRICS_BYTES,
        "now": times.milliseconds(now),
        "today": times.day_number(now),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite_connections.connect(path)) as connection:  # the first step of Database.open
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        create, *statements = FILL.split(";")
        connection.execute(create)
        for number, (person, channel) in enumerate(people):
            guild = channel.guild
            assert guild is not None
            connection.execute("INSERT INTO guild (id) VALUES (?) ON CONFLICT DO NOTHING", (guild.id,))
            member = members.member_number(connection, DiscordUserId(person.id))
            connection.execute("INSERT INTO who VALUES (?, ?, ?, ?)", (number, member, guild.id, channel.id))
        for statement in statements:
            named = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(statement, named)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# -- actions of the abusive member


async def _erase(scene: Scene, person: Person) -> None:
    asked = await scene.world.discord.slash("privacy delete", user=person, channel=scene.channel)
    await scene.world.discord.click(asked, "Delete everything about me", user=person)


async def delete(scene: Scene) -> None:
    """Delete everything about a member with many songs, another member each time."""
    await _erase(scene, next(scene.deleters))


async def refuse_and_delete(scene: Scene) -> None:
    """Submit a form that is refused, and delete everything."""
    form = await scene.world.discord.slash("music custom", user=scene.abuser, channel=scene.channel)
    words = {"title": "Much too long " * 20, "style": "waltz", "lyrics": "la " * 1_000}
    await scene.world.discord.submit(form, words, unchecked=True)
    await _erase(scene, scene.abuser)


async def export(scene: Scene) -> None:
    """Export everything about a member with many songs."""
    await scene.world.discord.slash(
        "privacy export", user=scene.abuser, channel=scene.channel, timeout_s=60.0
    )


async def get(scene: Scene) -> None:
    """Request a copy of a song in a channel where Discord is slow."""
    await scene.world.discord.slash(
        "music get", song="Copied [fast]", user=scene.abuser, channel=scene.channel
    )


async def fail(scene: Scene) -> None:
    """Request a song that fails at the service."""
    await _create(scene, "It fails [fail]")


async def be_refused(scene: Scene) -> None:
    """Request a song that the service refuses because of its text."""
    await _create(scene, "It is refused [moderated]")


async def meet_an_error(scene: Scene) -> None:
    """Request a song that the service answers with an error page."""
    await _create(scene, "It breaks [server error]")


async def _create(scene: Scene, prompt: str) -> None:
    await scene.world.discord.slash("music create", prompt=prompt, user=scene.abuser, channel=scene.channel)


async def page(scene: Scene) -> None:
    """Search the history of a member with many songs, and turn a page."""
    shown = await scene.world.discord.slash(
        "music history", search="song", user=scene.abuser, channel=scene.channel
    )
    await scene.world.discord.click(shown, "Older", user=scene.abuser)


async def complete(scene: Scene) -> None:
    """Type into the option that completes songs."""
    await scene.world.discord.autocomplete(
        "music get", "song", "zzz", user=scene.abuser, channel=scene.channel
    )


ACTIONS: dict[str, tuple[Callable[[Scene], Awaitable[None]], int]] = {
    "autocompletion": (complete, KEYS_PER_S),
    "history, paged": (page, PRESSES_PER_S),
    "/music get": (get, PRESSES_PER_S),
    "songs that fail": (fail, PRESSES_PER_S),
    "refused prompts": (be_refused, PRESSES_PER_S),
    "errors of the service": (meet_an_error, PRESSES_PER_S),
    "export": (export, PRESSES_PER_S),
    "deletion of many songs": (delete, PRESSES_PER_S),
    "refused form, deletion": (refuse_and_delete, PRESSES_PER_S),
}
"""The member's actions, each with its maximum rate per second."""


async def abuse(scene: Scene, action: Callable[[Scene], Awaitable[None]], per_s: int, end_s: float) -> int:
    """Repeat the action until ``end_s``, each time after the answer. Return the number of repetitions."""
    for count in itertools.count():
        began_s = time.perf_counter()
        if began_s >= end_s:
            return count
        with suppress(NoAnswerError):  # the abuser's own answers don't matter
            await action(scene)
        await asyncio.sleep(max(1 / per_s - (time.perf_counter() - began_s), 0.0))
    raise AssertionError


# -- the neighbours


async def ask(scene: Scene, number: int, measured: Measured) -> None:
    """Request a song and wait for it."""
    channel, person = scene.rooms[number % len(scene.rooms)]
    prompt, began_s = f"Rain on neon, number {number}", time.perf_counter()
    try:
        answer = await scene.world.discord.slash("music create", prompt=prompt, user=person, channel=channel)
    except NoAnswerError:
        measured.answers_s.append(NO_ANSWER_S)
        return
    measured.answers_s.append(answer.elapsed_s)
    if answer.ephemeral:
        raise SystemExit(f"a neighbour was refused: {answer.content}")
    try:
        await scene.world.discord.until(
            lambda: any(
                f"number {number}" in one.text() and one.attachments
                for one in scene.world.discord.posted(channel)
            ),
            POST_WITHIN_S,
            "a neighbour's song",
        )
    except AssertionError:
        measured.posts_s.append(POST_WITHIN_S)
    else:
        measured.posts_s.append(time.perf_counter() - began_s)


async def measure(
    scene: Scene, action: tuple[Callable[[Scene], Awaitable[None]], int] | None, asks: int, per_s: float
) -> Measured:
    """Let the neighbours request songs while a member repeats the action, if any."""
    measured = Measured()
    scene.bot.reset_peak_memory()
    abusing = None
    if action is not None:
        end_s = time.perf_counter() + asks / per_s
        abusing = asyncio.create_task(abuse(scene, *action, end_s))
    async with asyncio.TaskGroup() as group:
        for _ in range(asks):
            group.create_task(ask(scene, next(NUMBERS), measured))
            await asyncio.sleep(1 / per_s)
    if abusing is not None:
        measured.presses = await abusing
    measured.memory_mib = scene.bot.peak_memory_mib()
    return measured


async def run(songs: int, asks: int, per_s: float, only: str) -> dict[str, Measured]:
    """Measure alone and during each action."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
        world = await stack.enter_async_context(World.open(folder))
        channel, abuser = world.room()
        abusers = [abuser, *(world.discord.add_person(f"deleter{number}") for number in range(DELETERS))]
        homes = [world.room()[0] for _ in range(SERVERS)]
        crowd = [world.discord.add_person(f"member{number}") for number in range(CROWD)]
        people = [(person, channel) for person in abusers]
        people += [(person, homes[number % SERVERS]) for number, person in enumerate(crowd)]
        path = folder / "tunesmith.db"
        await asyncio.to_thread(fill, path, songs, people, len(abusers))
        print(f"{songs:,} songs, {path.stat().st_size / 1e6:,.0f} MB")
        bot = await stack.enter_async_context(world.bot(**PLENTY))
        rooms = [world.room() for _ in range(ROOMS)]
        scene = Scene(world, bot, channel, abuser, itertools.cycle(abusers[1:]), rooms)
        await _create(scene, "Copied [fast]")
        await world.discord.until(lambda: world.discord.posted(channel), POST_WITHIN_S, "the copied song")
        world.discord.fault("POST", f"/channels/{channel.id}/messages", "delay 1", times=None)
        await measure(scene, None, WARM_UP, per_s)
        found = {"nothing": await measure(scene, None, asks, per_s)}
        _show("nothing", found["nothing"], found["nothing"])
        for name, action in ACTIONS.items():
            if only in name:
                await measure(scene, None, 1, per_s)  # let the work of the previous action drain
                found[name] = await measure(scene, action, asks, per_s)
                _show(name, found[name], found["nothing"])
        return found


def _show(name: str, measured: Measured, alone: Measured) -> None:
    later_s = max(measured.posts_s) - statistics.median(alone.posts_s)
    print(
        f"{name:24}{measured.presses:7}{measured.answer_ms(50):9.0f} ms{measured.answer_ms(99):9.0f} ms"
        f"{later_s:10.1f} s{measured.memory_mib:8.0f} MiB",
        flush=True,
    )


def failures(found: dict[str, Measured]) -> list[str]:
    """Return the measurements that exceed their bounds."""
    alone_s = statistics.median(found["nothing"].posts_s)
    worse = []
    for name, measured in found.items():
        if measured.answer_ms(99) > ANSWER_MAX_S * 1000:
            worse.append(f"{name}: an answer takes more than {ANSWER_MAX_S * 1000:.0f} ms")
        if max(measured.posts_s) - alone_s > POST_LATER_MAX_S:
            worse.append(f"{name}: a song comes more than {POST_LATER_MAX_S:.0f} s later")
        if measured.memory_mib > MEMORY_MAX_MIB:
            worse.append(f"{name}: the bot takes more than {MEMORY_MAX_MIB:.0f} MiB")
    return worse


def main() -> None:
    """Measure, print, and fail if the neighbours have to wait."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.neighbours", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--songs", type=int, default=100_000, help="songs in the database")
    parser.add_argument("--asks", type=int, default=40, help="songs that the neighbours ask for each time")
    parser.add_argument("--per-second", type=float, default=1.0, help="how many of them a second")
    parser.add_argument("--only", default="", help="words of the actions to measure")
    options = parser.parse_args()
    print(f"{'meanwhile':24}{'times':>7}{'p50':>12}{'p99':>12}{'song later':>12}{'peak':>12}")
    found = asyncio.run(run(options.songs, options.asks, options.per_second, options.only))
    if worse := failures(found):
        raise SystemExit("\n".join(worse))


if __name__ == "__main__":
    main()
