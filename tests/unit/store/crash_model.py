"""A model of the store in plain Python, with its own arithmetic."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from msgspec import structs

from bot.balance import Period
from bot.database import facts
from bot.database.engine import ConstraintViolated
from bot.database.sqlite import Tx
from bot.model import OPEN_STATES, Backend, FailReason, Job, JobState
from bot.pipeline.transitions import Superseded
from bot.refusals import NotEnoughCredits, OutOfRange, ServiceClosed, TooManyOpenJobs
from bot.services.pending_answers import ANSWER_WITHIN
from bot.store import breaker
from bot.store.breaker import Breaker
from bot.store.texts import DRAFTS_MAX
from bot.store.times import milliseconds
from tests import make

Rows: TypeAlias = list[tuple[object, ...]]

TERMS = make.terms(
    open_per_member=4,
    open_per_guild=6,
    defaults=structs.replace(make.DEFAULTS, allowance=25, period=Period.WEEK),
)
PRICE = TERMS.price_credits
OPEN = breaker.OPEN


class Refused(Exception):
    """An operation of the model fails: nothing changes, and the caller gets this error."""

    def __init__(self, error: type[Exception]) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, kw_only=True)
class Song:
    """A job as known to the model, with the names of the columns."""

    guild_id: int
    discord_id: int
    prompt: str
    created_at: int
    due_at: int | None
    state: str = JobState.QUEUED
    attempt: int = 0
    claim_epoch: int | None = None
    parked: str | None = None
    reason: str | None = None
    submitted_at: int | None = None
    backend: str | None = None
    task_id: str | None = None
    urls: str = "[]"
    takes: str = "[]"
    delivery_channel_id: int | None = None
    delivery_direct: int | None = None
    delivery_started_at: int | None = None
    message_id: int | None = None
    card_message_id: int | None = None


class Line(NamedTuple):
    """An entry of the ledger."""

    kind: str
    guild: int
    day: int
    allowance: int
    bonus: int
    interaction: int | None
    """The interaction of the song, or of the command that made the change."""


@dataclass(kw_only=True)
class Books:
    """Everything that must outlive a process."""

    epoch: int = 0
    songs: dict[int, Song] = field(default_factory=dict)
    """Songs by the interaction of their request."""
    ledger: list[Line] = field(default_factory=list)
    guilds: dict[int, tuple[int | None, str | None]] = field(default_factory=dict)
    members: set[int] = field(default_factory=set)
    drafts: set[tuple[int, int, str]] = field(default_factory=set)
    breaker_state: Breaker = OPEN
    refused: set[int] = field(default_factory=set)
    """Interactions that were refused, and stay so."""
    noted: frozenset[int] = field(default=frozenset(), compare=False)
    """Refused interactions remembered only by this process, which could not record them."""

    def after(self, does: Callable[["Books", datetime], object], at: datetime) -> tuple["Books", object]:
        """Return the books after an operation, and the result for its caller."""
        books = replace(
            self,
            songs=dict(self.songs),
            ledger=list(self.ledger),
            guilds=dict(self.guilds),
            members=set(self.members),
            drafts=set(self.drafts),
            refused=set(self.refused),
        )
        try:
            return books, does(books, at)
        except Refused as refused:
            return replace(self, refused=books.refused), refused.error

    def terms(self, guild: int) -> tuple[int, Period]:
        """Return the allowance and its period."""
        allowance, period = self.guilds.get(guild, (None, None))
        defaults = TERMS.defaults
        return defaults.allowance if allowance is None else allowance, Period(period or defaults.period)

    def available(self, guild: int, at: datetime) -> tuple[int, int]:
        """Return the available parts of the allowance and of the bonus."""
        allowance, period = self.terms(guild)
        of = {Period.DAY: day_of, Period.WEEK: week_of, Period.MONTH: month_of}[period]
        spent = bonus = 0
        for line in self.ledger:
            sign = {"hold": -1, "release": 1, "grant": 1}.get(line.kind, 0)
            bonus += sign * line.bonus if line.guild == guild else 0
            if line.guild == guild and of(date_of(line.day)) == of(at):
                spent -= sign * line.allowance
        return max(0, allowance - spent), bonus

    def accept(self, at: datetime, interaction: int, guild: int, member: int) -> bool:
        if interaction in self.songs or interaction in self.refused | self.noted:
            return False
        try:
            self.admit(at, interaction, guild, member)
        except Refused:
            self.refused.add(interaction)
            raise
        return True

    def admit(self, at: datetime, interaction: int, guild: int, member: int) -> None:
        if (
            self.breaker_state.closed is not None
            and breaker.blocked_until(self.breaker_state, at) is not None
        ):
            raise Refused(ServiceClosed)
        open_ = [
            song.discord_id
            for song in self.songs.values()
            if song.guild_id == guild and song.due_at is not None and song.state in OPEN_STATES
        ]
        if open_.count(member) >= TERMS.open_per_member or len(open_) >= TERMS.open_per_guild:
            raise Refused(TooManyOpenJobs)
        allowance, bonus = self.available(guild, at)
        if allowance + bonus < PRICE:
            raise Refused(NotEnoughCredits)
        part = min(PRICE, allowance)
        self.ledger.append(Line("hold", guild, number_of(at), part, PRICE - part, interaction))
        self.guilds.setdefault(guild, (None, None))
        self.members.add(member)
        self.songs[interaction] = Song(
            guild_id=guild,
            discord_id=member,
            prompt=f"song {interaction}",
            created_at=milliseconds(at),
            due_at=milliseconds(at + ANSWER_WITHIN),
        )

    def change(self, interaction: int, **columns: Any) -> None:  # noqa: ANN401 - those of Song
        self.songs[interaction] = replace(self.songs[interaction], **columns)

    def answered(self, at: datetime, interaction: int, card: int) -> None:
        song = self.songs[interaction]
        if song.state == JobState.QUEUED and song.attempt == 0 and song.due_at is not None:
            self.change(interaction, due_at=min(song.due_at, milliseconds(at)))
        self.change(interaction, card_message_id=song.card_message_id or card)

    def fetched(self, interaction: int, take: int) -> None:
        takes = {*json.loads(self.songs[interaction].takes), take}
        self.change(interaction, takes=json.dumps(sorted(takes), separators=(",", ":")))

    def withdraw(self, interaction: int) -> bool:
        song = self.songs[interaction]
        if song.state != JobState.QUEUED:
            return False
        self.change(
            interaction,
            state=JobState.EXPLAINED,
            reason=FailReason.WITHDRAWN,
            due_at=None,
            attempt=song.attempt + 1,
            claim_epoch=None,
        )
        self.close(interaction, "release")
        return True

    def post_again(self, at: datetime, interaction: int) -> str:
        if self.songs[interaction].state == JobState.UNDELIVERED:
            self.change(interaction, state=JobState.STORED, due_at=milliseconds(at))
        return self.songs[interaction].state

    def claim(self, at: datetime, limit: int) -> list[int]:
        due = {
            interaction: song
            for interaction, song in self.songs.items()
            if song.due_at is not None
            and song.due_at <= milliseconds(at)
            and (song.claim_epoch is None or song.claim_epoch < self.epoch)
            and not self.waits_for_an_older_one(song)
        }
        begun = [key for key, song in due.items() if song.state != JobState.QUEUED]
        begun.sort(key=lambda key: (due[key].due_at, due[key].created_at))
        claimed = [*begun, *self.by_turns({key: due[key] for key in due.keys() - begun})][:limit]
        for interaction in claimed:
            attempt = self.songs[interaction].attempt + 1
            self.change(interaction, attempt=attempt, claim_epoch=self.epoch)
        return claimed

    def by_turns(self, queued: dict[int, Song]) -> list[int]:
        """Return the queue: the server served longest ago comes first, and in it the member likewise."""
        left, order = dict(queued), list[int]()
        turns: Counter[tuple[int, ...]] = Counter()
        while left:
            # The next song of each server, by its members' turns; from these, the one whose server is next.
            first: dict[int, int] = {}
            for key in sorted(left, key=lambda key: self.turn_of_member(left[key], turns)):
                first.setdefault(left[key].guild_id, key)
            order.append(min(first.values(), key=lambda key: self.turn_of_guild(left[key], turns)))
            song = left.pop(order[-1])
            turns.update([(song.guild_id,), (song.guild_id, song.discord_id)])
        return order

    def turn_of_member(self, song: Song, turns: Counter[tuple[int, ...]]) -> tuple[int, ...]:
        member = (song.guild_id, song.discord_id)
        return turns[member], self.served(*member), song.created_at

    def turn_of_guild(self, song: Song, turns: Counter[tuple[int, ...]]) -> tuple[int, ...]:
        return turns[(song.guild_id,)], self.served(song.guild_id), song.created_at

    def served(self, guild: int, discord_id: int | None = None) -> int:
        """Return when a song of the server, or of a member there, was last submitted."""
        return max(
            (
                song.submitted_at or 0
                for song in self.songs.values()
                if song.guild_id == guild and discord_id in (None, song.discord_id)
            ),
            default=0,
        )

    def waits_for_an_older_one(self, song: Song) -> bool:
        to_post = (JobState.STORED, JobState.DELIVERING)
        return song.state in to_post and any(
            older.guild_id == song.guild_id
            and older.state in to_post
            and older.due_at is not None
            and older.created_at < song.created_at
            for older in self.songs.values()
        )

    def move(
        self, job: Job, to: JobState, due_at: datetime | None, *, keep_claim: bool = False, **columns: object
    ) -> None:
        interaction = job.origin.interaction_id
        song = self.songs[interaction]
        if self.is_stale(job):
            raise Refused(Superseded)
        epoch = song.claim_epoch if keep_claim else None
        due_ms = None if due_at is None else milliseconds(due_at)
        self.change(interaction, state=to, due_at=due_ms, claim_epoch=epoch, **columns)

    def is_stale(self, job: Job) -> bool:
        song = self.songs[job.origin.interaction_id]
        return (song.state, song.attempt) != (job.state, job.attempt)

    def fail(self, job: Job, reason: FailReason, at: datetime) -> None:
        self.move(job, JobState.FAILED, at, reason=reason, delivery_channel_id=None)
        self.close(job.origin.interaction_id, "release")

    def close(self, interaction: int, kind: str) -> None:
        lines = [line for line in self.ledger if line.interaction == interaction]
        if len(lines) > 1:
            raise Refused(ConstraintViolated)
        self.ledger.append(lines[0]._replace(kind=kind))

    def grant(
        self, at: datetime, interaction: int, guild: int, actor: int, amount: int
    ) -> tuple[int, int] | None:
        if any(line.interaction == interaction for line in self.ledger):
            return None
        _, before = self.available(guild, at)
        if before + amount < 0:
            raise Refused(OutOfRange)
        self.ledger.append(Line("grant", guild, number_of(at), 0, amount, interaction))
        self.guilds.setdefault(guild, (None, None))
        self.members.add(actor)
        return before, before + amount

    def set_allowance(
        self, at: datetime, interaction: int, guild: int, actor: int, allowance: int, period: Period | None
    ) -> list[int] | None:
        if any(line.interaction == interaction for line in self.ledger):
            return None
        before = sum(self.available(guild, at))
        terms_before = self.terms(guild)
        _, period_before = self.guilds.get(guild, (None, None))
        self.guilds[guild] = (allowance, period or period_before)
        if terms_before != self.terms(guild):  # no entry without a change
            self.ledger.append(Line("set", guild, number_of(at), 0, 0, interaction))
        self.members.add(actor)
        return [before, sum(self.available(guild, at))]

    def keep_draft(self, at: datetime, member: int, text: str) -> None:
        own = sorted((draft for draft in self.drafts if draft[1] == member), reverse=True)
        self.drafts -= set(own[DRAFTS_MAX - 1 :])
        self.drafts.add((milliseconds(at), member, text))
        self.members.add(member)

    def next_epoch(self) -> int:
        self.epoch += 1
        return self.epoch


def date_of(day: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)


def number_of(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)).days


def day_of(at: datetime) -> object:
    return at.date()


def week_of(at: datetime) -> object:
    return at.isocalendar()[:2]


def month_of(at: datetime) -> object:
    return at.year, at.month


def written(tx: Tx) -> Books:
    """Read the books from the database."""
    takes: dict[int, list[int]] = defaultdict(list)
    for job_id, take in tx.execute("SELECT job_id, take FROM track ORDER BY job_id, take"):
        takes[job_id].append(take)
    songs = tx.execute(
        """SELECT interaction_id, guild_id, discord_id, words.prompt, created_at, due_at, state, attempt,
                  claim_epoch, parked, reason, submitted_at, backend, task_id, urls, delivery_channel_id,
                  delivery_direct, delivery_started_at, message_id, card_message_id, job.id AS takes
           FROM job JOIN member ON member.id = member_id LEFT JOIN words ON words.job_id = job.id
           ORDER BY created_at"""
    )
    lines = tx.execute(
        """SELECT kind, ledger.guild_id, ledger.day, allowance, bonus,
                  COALESCE(ledger.interaction_id, job.interaction_id)
           FROM ledger LEFT JOIN job ON job.id = job_id ORDER BY ledger.id"""
    )
    # On a server, a transaction locks its guild before reading, even if it has no result.
    guilds = tx.execute(
        """SELECT id, allowance, period FROM guild
           WHERE EXISTS (SELECT 1 FROM ledger WHERE ledger.guild_id = guild.id)"""
    )
    members = tx.execute("SELECT discord_id FROM member")
    drafts = tx.execute(
        "SELECT created_at, discord_id, prompt FROM draft JOIN member ON member.id = member_id"
    )
    return Books(
        epoch=int(facts.fact(tx, "epoch") or 0),
        songs={row["interaction_id"]: _song(row, takes) for row in songs},
        ledger=[Line(*row) for row in lines],
        guilds={row["id"]: (row["allowance"], row["period"]) for row in guilds},
        members={row["discord_id"] for row in members},
        drafts={tuple(row) for row in drafts},
        breaker_state=breaker.read(tx, Backend.SSEEDANCE),
        refused={row[0] for row in tx.execute("SELECT interaction_id FROM refused_interaction")},
    )


def _song(row: sqlite3.Row, takes: dict[int, list[int]]) -> Song:
    values = dict(zip(row.keys()[1:], row[1:], strict=True))
    return Song(**values | {"takes": json.dumps(takes[row["takes"]], separators=(",", ":"))})
