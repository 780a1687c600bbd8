"""The domain model: a member's request, the job it becomes, and the resulting tracks."""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, NewType, Self

from msgspec import Struct
from msgspec.structs import replace

from bot.characters import storable

JobId = NewType("JobId", int)
"""Our own id for a job: 53 random bits, embedded in buttons."""
GuildId = NewType("GuildId", int)
"""Discord's id for a server."""
DiscordUserId = NewType("DiscordUserId", int)
"""Discord's id for a person."""
ChannelId = NewType("ChannelId", int)
"""Discord's id for a channel or a thread."""
RoleId = NewType("RoleId", int)
"""Discord's id for a role; that of @everyone is the server's."""
MessageId = NewType("MessageId", int)
"""Discord's id for a message."""
InteractionId = NewType("InteractionId", int)
"""Discord's id for a command, a press of a button or a form."""
TaskId = NewType("TaskId", str)
"""A music service's id for a task."""
DraftId = NewType("DraftId", int)
"""Our own id for texts kept so that a member can go on with them, embedded in buttons and forms."""
CallId = NewType("CallId", int)
"""Our own id for a paid request for lyrics."""
EntryId = NewType("EntryId", int)
"""Our own id for an entry of the ledger; they ascend."""
MemberNumber = NewType("MemberNumber", int)
"""Our own number for a person, the only identity stored in the ledger and usage."""

LINK_SUFFIX = ".link"
"""File name suffix of a take without a file, for which members get the address instead."""

ParkReason = Literal["slow", "bug", "no_key"]
"""Why the bot stopped working on a job and left the next step to the operator."""

TAKES_MAX = 4
"""Maximum number of tracks posted per job; the rest of a longer response is dropped."""

NOT_COMPARED: Final = frozenset({"card_due_at", "first_song"})
"""Fields of a job in which two equal snapshots may differ."""

DURATION_MIN_S, DURATION_MAX_S = 10, 360
"""Minimum and maximum song length that a member may request, in seconds."""


class JobState(StrEnum):
    """Where a job stands. Each state is committed before the action it announces."""

    QUEUED = "queued"
    """The member has been promised a song; the credits are held."""
    SUBMITTING = "submitting"
    """The paid POST is about to be sent, or has been."""
    RUNNING = "running"
    """The task id is known; the music service is composing."""
    READY = "ready"
    """The result's URLs are known; the audio is still to be downloaded."""
    STORED = "stored"
    """At least one track is safely in the spool; the credits are settled."""
    DELIVERING = "delivering"
    """The message with the audio is about to be sent, or has been."""
    DELIVERED = "delivered"
    """The member has the song."""
    FAILED = "failed"
    """There will be no song; the credits are released, and the member has yet to be informed."""
    EXPLAINED = "explained"
    """The member knows why there is no song, or can't be reached."""
    UNDELIVERED = "undelivered"
    """The song exists, but there is nowhere to post it. Checked again while its files are kept."""


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
"""States in which the bot still works on the job."""

SONG_STATES = frozenset({JobState.STORED, JobState.DELIVERING, JobState.DELIVERED, JobState.UNDELIVERED})
"""States in which a song exists."""


class FailReason(StrEnum):
    """Why a job produced no song."""

    REFUSED = "refused"
    """The music service did not accept the request."""
    MODERATED = "moderated"
    """The music service refused the texts."""
    CLOSED = "closed"
    """The music service accepts no requests from this bot: not open, no credits there, or a bad key."""
    UPSTREAM_FAILED = "upstream_failed"
    """The music service accepted the task but failed to complete it."""
    CANCELED = "canceled"
    """The task was cancelled at the music service."""
    WITHDRAWN = "withdrawn"
    """The request was withdrawn before it was submitted, or with the member's data."""
    EXPIRED = "expired"
    """The request waited too long for its turn."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """The music service may have accepted the request; it is never sent again."""
    LOST = "lost"
    """The music service no longer knows the task."""
    AUDIO_GONE = "audio_gone"
    """The task succeeded, but its audio could not be fetched for hours."""
    INTERNAL = "internal"
    """A bug in this bot."""


class ClosedCause(StrEnum):
    """Why the music service accepts no requests at the moment."""

    NOT_OPEN = "not_open"
    """The endpoint is announced, but not open yet."""
    NO_CREDITS = "no_credits"
    """The operator's account at the music service is empty."""
    BAD_KEY = "bad_key"
    """The music service does not accept the operator's key."""


class Backend(StrEnum):
    """The supported music services, one line each. ``music/`` has a module named after each."""

    SSEEDANCE = "sseedance"
    KIE = "kie"


class Voice(StrEnum):
    """The singer, if the member chooses one and the operator allows it."""

    FEMALE = "female"
    MALE = "male"


class Option(StrEnum):
    """An optional part of a request besides the texts, where the music service accepts it."""

    AVOID = "avoid"
    """Styles and instruments to leave out."""
    VOICE = "voice"
    DURATION = "duration"
    """The length of the song."""


class SongRequest(Struct, frozen=True, kw_only=True):
    """A member's request for a song.

    A normal request has a ``prompt``; a custom one has ``title``, ``style`` and, unless it is
    instrumental, ``lyrics``. Texts that do not apply are empty.
    """

    model: str
    prompt: str = ""
    custom: bool = False
    title: str = ""
    style: str = ""
    lyrics: str = ""
    instrumental: bool = False
    avoid: str = ""
    """Styles to exclude."""
    voice: Voice | None = None
    """None: any."""
    duration_s: int | None = None
    """Requested length of a custom song; None: the contract's default."""

    def without(self, options: Iterable[Option]) -> Self:
        """Return the request without these options."""
        nothing: dict[Option, dict[str, Any]] = {
            Option.AVOID: {"avoid": ""},
            Option.VOICE: {"voice": None},
            Option.DURATION: {"duration_s": None},
        }
        changes: dict[str, Any] = {}
        for option in options:
            changes |= nothing[option]
        return replace(self, **changes)

    def cleaned(self) -> Self:
        """Return the request with ``storable`` applied to each text."""
        return self.with_texts(storable)

    def with_texts(self, change: Callable[[str], str]) -> Self:
        """Return the request with ``change`` applied to each text."""
        return replace(
            self,
            prompt=change(self.prompt),
            title=change(self.title),
            style=change(self.style),
            lyrics=change(self.lyrics),
            avoid=change(self.avoid),
        )


class Reuse(StrEnum):
    """How a new request relates to the earlier job whose texts it reuses."""

    RETRY = "retry"
    """The earlier job failed; each member may retry it once."""
    AGAIN = "again"
    """The same request again, paid for by the member who repeats it."""
    REMIX = "remix"
    """A new request with the earlier job's texts, edited or not."""


class Source(Struct, frozen=True, kw_only=True):
    """The job whose texts a request reuses. They are stored as references and remain their author's."""

    job_id: JobId
    reuse: Reuse


class Origin(Struct, frozen=True, kw_only=True):
    """Who made a request and where: everything needed to answer after a restart. Ids are Discord's."""

    interaction_id: InteractionId
    guild_id: GuildId
    channel_id: ChannelId
    member_id: DiscordUserId
    role_ids: frozenset[RoleId] = frozenset()
    """The member's roles at the time, with the server's own id for @everyone; not stored."""
    member_name: str = ""
    """The member's display name in the server; stored with the texts."""
    may_reference: bool = True
    """Whether the bot may read the channel's history, which replying to a message requires."""
    guild_locale: str = ""
    """The server's language by Discord's code, for public messages; empty if unknown."""
    member_locale: str = ""
    """The member's language, for private messages."""
    parent_channel_id: ChannelId | None = None
    """Parent channel of the public thread in which the request was made."""
    thread_of: ChannelId | None = None
    """Parent channel of the thread, public or private, in which the request was made; not stored."""
    results_channel_id: ChannelId | None = None
    """The channel that the server's managers chose for finished songs."""
    announce_channel_id: ChannelId | None = None
    """The channel that the managers chose for announcing finished songs."""


class TakeDetails(Struct, frozen=True, kw_only=True):
    """The music service's untrusted description of one take, besides its audio."""

    url: str
    """The address of its audio, which identifies it."""
    upstream_id: str = ""
    """The service's own id for it, required in later requests about this take."""
    title: str = ""
    image_url: str = ""
    duration_s: float | None = None


class Track(Struct, frozen=True, kw_only=True):
    """One finished audio file in the spool."""

    take: int
    """1 … 4, in the music service's order."""
    file: str
    """Its name in the spool."""
    size_bytes: int
    sha256: str
    url: str
    """The address that it came from."""

    @property
    def linked(self) -> bool:
        """Whether members get the address because the file can't be stored."""
        return self.file.endswith(LINK_SUFFIX)


class Delivery(Struct, frozen=True, kw_only=True):
    """The destination and start of a send, committed before the send begins."""

    channel_id: ChannelId
    direct: bool
    """Whether the channel is a direct message to the member."""
    started_at: datetime


class Job(Struct, frozen=True, kw_only=True, eq=False):
    """A snapshot of one job's row, its texts and its tracks."""

    id: JobId
    request: SongRequest
    origin: Origin
    state: JobState
    attempt: int
    """Number of the latest claim; only the claim with this number may write its result."""
    tries: int
    """Number of failures in this state since the last success."""
    created_at: datetime
    state_since: datetime
    price_credits: int
    limit_credits: int | None = None
    """The member's limit per period at the time of the request; None: no limit."""
    backend: Backend | None = None
    """The music service that the request was sent to; None before that."""
    task_id: TaskId | None = None
    upstream_credits: float | None = None
    """Cost of the task to the operator in the service's own credits, where the service reports it."""
    takes: tuple[TakeDetails, ...] = ()
    """The service's descriptions of the takes, in its order, if it gives more than addresses."""
    urls: tuple[str, ...] = ()
    tracks: tuple[Track, ...] = ()
    reason: FailReason | None = None
    closed: ClosedCause | None = None
    detail: str = ""
    """The music service's own description of a failure; not trusted."""
    delivery: Delivery | None = None
    message_id: MessageId | None = None
    """The message with the song, or with the failure notice."""
    card_message_id: MessageId | None = None
    card_shown: str = ""
    card_due_at: datetime | None = None
    """When the card may become outdated; excluded from comparisons of two snapshots."""
    parked: bool = False
    missing_since: datetime | None = None
    """Start of the current series of responses that lacked the task or usable audio."""
    misses: int = 0
    """Number of responses in that series."""
    texts_whole: bool = True
    """Whether all of its texts still exist; they expire, or are deleted with their author's data."""
    first_song: bool = False
    """Whether its member has no other song; excluded from comparisons of two snapshots."""
    restored: bool = False
    """Whether it comes from a backup, and messages posted since have yet to be searched for."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and all(
            getattr(self, name) == getattr(other, name)
            for name in self.__struct_fields__
            if name not in NOT_COMPARED
        )

    __ne__ = object.__ne__  # the opposite of the above; Struct's own would compare identities

    def __hash__(self) -> int:
        return hash(self.id)

    def details_of(self, track: Track) -> TakeDetails | None:
        """Return the service's details of a track, even one fetched from elsewhere."""
        urls = {track.url, *self.urls[track.take - 1 : track.take]}
        return next((take for take in self.takes if take.url in urls), None)

    @property
    def erased(self) -> bool:
        """Whether its member has deleted their data; only the ledger still mentions it."""
        return self.origin.interaction_id < 0

    @property
    def open(self) -> bool:
        """Whether the bot still works on it without the operator."""
        return self.state in OPEN_STATES and not self.parked


def everyone_of(guild_id: GuildId) -> RoleId:
    """Return the id of a server's @everyone role."""
    return RoleId(guild_id)
