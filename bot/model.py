"""The nouns: what a member asked for, the job that it became, and the tracks that came of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal, NewType, Self

JobId = NewType("JobId", int)
"""Our own number of a job: 53 random bits, carried by buttons."""
GuildId = NewType("GuildId", int)
"""Discord's id of a server."""
DiscordUserId = NewType("DiscordUserId", int)
"""Discord's id of a person."""
MemberNumber = NewType("MemberNumber", int)
"""Our own number of a person; the ledger and usage know people by it alone."""

ParkReason = Literal["slow", "bug"]
"""Why the bot has stopped working on a job by itself: the operator decides how it goes on."""

MAX_TAKES = 4
"""The most tracks that one job posts; an answer with more is cut to the first ones."""


class JobState(StrEnum):
    """Where a job stands. Each is written down before the thing that it announces is done."""

    QUEUED = "queued"
    """The member has been promised a song; the credits are held."""
    SUBMITTING = "submitting"
    """The paid POST is about to leave, or has left."""
    RUNNING = "running"
    """The task id is known; the music service is composing."""
    READY = "ready"
    """The result's URLs are known; the audio is to be fetched."""
    STORED = "stored"
    """At least one track lies safely in the spool; the credits are settled."""
    DELIVERING = "delivering"
    """The message with the audio is about to leave, or has left."""
    DELIVERED = "delivered"
    """The member has the song."""
    FAILED = "failed"
    """There will be no song; the credits are back and the member is to be told."""
    EXPLAINED = "explained"
    """The member has been told why there is no song, or can't be reached."""
    UNDELIVERED = "undelivered"
    """The song exists, but there is nowhere to post it until a person asks."""


OPEN_STATES = frozenset(
    {
        JobState.QUEUED,
        JobState.SUBMITTING,
        JobState.RUNNING,
        JobState.READY,
        JobState.STORED,
        JobState.DELIVERING,
        JobState.FAILED,
    }
)
"""States in which the bot still has something to do for the job."""

SONG_STATES = frozenset({JobState.STORED, JobState.DELIVERING, JobState.DELIVERED, JobState.UNDELIVERED})
"""States in which there is a song."""


class FailReason(StrEnum):
    """Why a job came to no song."""

    REFUSED = "refused"
    """The music service did not accept the request."""
    MODERATED = "moderated"
    """The music service refused the words."""
    CLOSED = "closed"
    """The music service takes no requests from this bot: not open, no credits there, or a bad key."""
    UPSTREAM_FAILED = "upstream_failed"
    """The music service took the task and failed at it."""
    CANCELED = "canceled"
    """The task was canceled at the music service."""
    WITHDRAWN = "withdrawn"
    """The request was taken back: before it was submitted, or by a deletion of the member's data."""
    EXPIRED = "expired"
    """The request waited too long for its turn."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Whether the music service took the request can't be known; it is never sent twice."""
    LOST = "lost"
    """The music service no longer knows the task."""
    AUDIO_GONE = "audio_gone"
    """The task succeeded, but its audio could not be fetched for hours."""
    INTERNAL = "internal"
    """A bug in this bot."""


class ClosedCause(StrEnum):
    """Why the music service takes no requests at the moment."""

    NOT_OPEN = "not_open"
    """The endpoint is announced, but not open yet."""
    NO_CREDITS = "no_credits"
    """The operator's account at the music service is empty."""
    BAD_KEY = "bad_key"
    """The music service does not accept the operator's key."""


class Period(StrEnum):
    """The time for which a server's allowance holds; bounds are midnights in UTC."""

    DAY = "day"
    WEEK = "week"
    """Monday to Sunday."""
    MONTH = "month"


class Voice(StrEnum):
    """Who is to sing, where a member has a wish and the operator allows it."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True, kw_only=True)
class SongRequest:
    """What a member asked for.

    A normal request has a ``prompt``; a custom one has ``title``, ``style`` and, unless it is
    instrumental, ``lyrics``. What does not apply is the empty text.
    """

    model: str
    prompt: str = ""
    custom: bool = False
    title: str = ""
    style: str = ""
    lyrics: str = ""
    instrumental: bool = False
    avoid: str = ""
    """What is not to be in the song."""
    voice: Voice | None = None
    """None: any."""

    def cleaned(self) -> Self:
        """The same without what a database or an API chokes on, and without space around."""
        return replace(
            self,
            prompt=storable(self.prompt),
            title=storable(self.title),
            style=storable(self.style),
            lyrics=storable(self.lyrics),
            avoid=storable(self.avoid),
        )


class Reuse(StrEnum):
    """What a new request has to do with the earlier job whose words it takes up."""

    RETRY = "retry"
    """The earlier one failed; each member tries that again once."""
    AGAIN = "again"
    """The same request once more, on the credits of the one who asks now."""
    REMIX = "remix"
    """Its words, changed or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The job whose words a request takes up. They are referred to and stay their author's."""

    job_id: JobId
    reuse: Reuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asked and where: all that is needed to answer after a restart. Ids are Discord's."""

    interaction_id: int
    guild_id: GuildId
    channel_id: int
    member_id: DiscordUserId
    role_ids: frozenset[int] = frozenset()
    """The member's roles at that moment, with the server's own id for @everyone; not kept."""
    member_name: str = ""
    """As the server knew the member then; kept with the words."""
    may_reference: bool = True
    """Whether the bot may read the channel's history, and so reply to a message there."""
    guild_locale: str = ""
    """The server's language as Discord names it, for what is public; empty: not known."""
    member_locale: str = ""
    """The member's language, for what only they read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One finished audio file in the spool."""

    take: int
    """1 … 4, in the music service's order."""
    file: str
    """Its name in the spool."""
    size_bytes: int
    sha256: str
    url: str
    """Where it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A send that was written down before it began."""

    channel_id: int
    direct: bool
    """Whether the channel is a direct message to the member."""
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A snapshot of one job's row, its words and its tracks."""

    id: JobId
    request: SongRequest
    origin: Origin
    state: JobState
    attempt: int
    """Counts claims; a result is written only under the number of the claim that made it."""
    tries: int
    """Failures met in this state since it was last fine."""
    created_at: datetime
    state_since: datetime
    price_credits: int
    limit_credits: int | None = None
    """What the member might use in a period when they asked; None: they had no limit."""
    task_id: str | None = None
    urls: tuple[str, ...] = ()
    tracks: tuple[Track, ...] = ()
    reason: FailReason | None = None
    closed: ClosedCause | None = None
    detail: str = ""
    """The music service's own words about a failure; not trusted."""
    delivery: Delivery | None = None
    message_id: int | None = None
    """The message that brought the songs, or told the failure."""
    card_message_id: int | None = None
    card_shown: str = ""
    card_due_at: datetime | None = field(default=None, compare=False)
    """Since when, or from when on, the card may no longer be true; two looks at one job may differ in it."""
    parked: bool = False
    missing_since: datetime | None = None
    """Since when the music service does not know the task, or shows no usable audio."""
    misses: int = 0
    """How often in a row it answered so."""
    words_whole: bool = True
    """Whether all of its words are kept: they go after a while, or with their author."""
    restored: bool = False
    """Whether it came out of a backup, and what was posted for it since then is still to be looked for."""

    @property
    def erased(self) -> bool:
        """Whether its member has deleted their data: only the books know of it."""
        return self.origin.interaction_id < 0

    @property
    def open(self) -> bool:
        """Whether the bot still has something to do for it by itself."""
        return self.state in OPEN_STATES and not self.parked


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a server may spend, in credits, in the period that holds at one moment."""

    allowance: int
    used: int
    held: int
    bonus: int
    """Bonus credits that are neither used nor held."""
    period: Period
    renews_at: datetime

    @property
    def available(self) -> int:
        """Credits that a new song can be paid from."""
        return max(0, self.allowance - self.used - self.held) + self.bonus


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedBy:
    """Who changes something in the books, and why. Ids are Discord's."""

    actor_id: DiscordUserId | None
    """None: the one who hosts the bot."""
    reason: str = ""
    interaction_id: int | None = None
    """The command that asked for it, if one did: it counts once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a member may use of the server's credits in a period."""

    credits: int
    role_id: int | None = None
    """The role that it comes from; None: it is the member's own."""
    everyone: bool = False
    """Whether that role is the one that everybody has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one member may spend, in credits: the server's pool and the member's limit both apply."""

    balance: Balance
    limit: Limit | None
    used: int
    """By the member in the period, of the allowance and of the bonus."""
    held: int
    """For the member's songs in the making."""

    @property
    def left(self) -> int:
        """Credits that the member's next song can be paid from, by the tightest rule."""
        pool = self.balance.available
        return pool if self.limit is None else min(pool, max(0, self.limit.credits - self.used - self.held))

    @property
    def limit_is_tightest(self) -> bool:
        """Whether the member's limit leaves less than the server's pool."""
        return self.left < self.balance.available


class Verdict(StrEnum):
    """How a check of the installation ended."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one check of the installation found, as one line with what to do."""

    verdict: Verdict
    name: str
    finding: str


def storable(text: str) -> str:
    """The text without NUL and lone surrogates, which SQLite and JSON can't carry, and trimmed."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8").strip()
