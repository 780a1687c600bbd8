"""A chat behind the courier's port that deduplicates by nonce, as Discord does for some minutes."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.errors import Transient
from bot.model import ChannelId, Delivery, Job, JobState, MessageId, Track
from bot.pipeline.courier import AlreadyPosted, CardFacts, MessageKind, NoAccess, NoHistory
from bot.store.budget_alerts import BudgetAlert
from bot.ui.discord_errors import MEANINGS, Meaning
from tests.doubles.discord.books import Access, check_may_post, check_visible, posted_before
from tests.doubles.discord.refusals import Refusal, Why


@dataclass
class OutgoingMessage:
    """A message stored by the chat."""

    id: MessageId
    job_id: int
    kind: MessageKind
    channel_id: int
    nonce: str
    files: int
    text: str = ""
    created_at_s: float = 0.0
    deleted: bool = False

    @property
    def place(self) -> int:
        """The channel in which its nonce is unique."""
        return self.channel_id


def _earlier(messages: Sequence[OutgoingMessage], channel_id: int, nonce: str) -> OutgoingMessage | None:
    # This chat has no clock; a test expires a nonce by removing it from the message.
    return posted_before(messages, channel_id, nonce, now_s=0.0, window_s=math.inf)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn a refusal into the exception that the real courier raises for its code."""
    try:
        yield
    except Refusal as refusal:
        gone = MEANINGS[refusal.why.code] is Meaning.MESSAGE
        raise (AlreadyPosted if gone else NoAccess)(refusal.why.message) from refusal


class Chat:
    """A courier whose chat deduplicates by nonce, as Discord does for some minutes."""

    def __init__(self) -> None:
        self.posts: list[OutgoingMessage] = []
        self.cards: list[tuple[int, JobState]] = []
        self.sends = 0
        self.on_send: list[str] = []
        """Outcomes of the next sends: "lost" is stored but not answered, "down" is not even stored, …"""
        self.closed_channels: set[int] = set()
        self.closed_members: set[int] = set()
        self.no_history = False
        self.down = False
        """Whether every request fails."""
        self.direct_offset = 500_000
        self.broken_job: int | None = None
        self.looked: list[tuple[int, bool]] = []
        """Channels searched for earlier messages, and whether the search went back to the job's request."""
        self.known_cards: dict[int, MessageId] = {}
        self.nonces_kept = True
        self.alerts: dict[int, BudgetAlert] = {}
        """Alerts by nonce, which keeps each of them once."""
        self.on_alert: list[str] = []
        self.alert_sends = 0
        self.announcements: list[tuple[int, int]] = []
        """Job and channel of each send."""
        self.on_announcement: list[str] = []
        self.copies: list[OutgoingMessage] = []
        """Copies of songs posted on request."""
        self.audio: dict[int, dict[int, bytes]] = {}
        """Audio files of each song message, by take."""
        self.on_fetch: list[str] = []
        """Outcomes of the next fetches: "down", or anything else for success."""
        self.fetches = 0

    def of(self, kind: MessageKind, job_id: int | None = None) -> list[OutgoingMessage]:
        return [post for post in self.posts if post.kind is kind and job_id in (None, post.job_id)]

    async def post_song(
        self, job: Job, files: Sequence[tuple[Track, Path]], where: Delivery, nonce: str
    ) -> MessageId:
        assert all(track.linked or path.stat().st_size == track.size_bytes for track, path in files)
        posted = self._post(job, MessageKind.SONG, where, nonce, len(files))
        self.audio[posted] = {track.take: path.read_bytes() for track, path in files if not track.linked}
        return posted

    async def post_copy(
        self,
        job: Job,
        files: Sequence[tuple[Track, Path]],
        channel_id: int,
        nonce: str,
        *,
        locale: str,
        direct: bool,
    ) -> MessageId:
        del locale, direct
        assert all(track.linked or path.stat().st_size == track.size_bytes for track, path in files)
        meets = self.on_send.pop(0) if self.on_send else ""
        if meets == "down" or self.down:
            raise Transient("Discord: HTTP 503")
        with _translated():
            self._check(channel_id, meets, files=len(files))
            known = _earlier(self.copies, channel_id, nonce)
        if known is None:
            kind = MessageKind.SONG
            known = OutgoingMessage(
                MessageId(1_000 + len(self.copies)), job.id, kind, channel_id, nonce, len(files)
            )
            self.copies.append(known)
        return known.id

    async def fetch(self, job: Job, take: int, *, max_bytes: int) -> bytes | None:
        self.fetches += 1
        if self.down or (self.on_fetch and self.on_fetch.pop(0) == "down"):
            raise Transient("Discord: HTTP 503")
        if job.message_id not in self.audio:
            raise NoAccess
        audio = self.audio[job.message_id].get(take)
        return None if audio is None or len(audio) > max_bytes else audio

    async def post_notice(self, job: Job, where: Delivery, nonce: str) -> MessageId:
        return self._post(job, MessageKind.NOTICE, where, nonce, 0)

    def _post(self, job: Job, kind: MessageKind, where: Delivery, nonce: str, files: int) -> MessageId:
        self.sends += 1
        if job.id == self.broken_job:
            raise RuntimeError("a bug")
        meets = self.on_send.pop(0) if self.on_send else ""
        if meets == "down" or self.down:
            raise Transient("Discord: HTTP 503")
        if meets == "limited":
            raise Transient("rate limited", 600.0)
        with _translated():
            self._check(where.channel_id, meets, files=files)
            known = _earlier(self.posts, where.channel_id, nonce) if self.nonces_kept else None
        if known is None:
            known = OutgoingMessage(
                MessageId(len(self.posts) + 1), job.id, kind, where.channel_id, nonce, files
            )
            self.posts.append(known)
        if meets == "lost":
            raise Transient("Discord: the answer was lost")
        return known.id

    def _access(self, channel_id: int) -> Access:
        return Access(
            sees=channel_id not in self.closed_channels,
            reads_history=not self.no_history,
            takes_direct_messages=channel_id - self.direct_offset not in self.closed_members,
        )

    def _check(self, channel_id: int, meets: str, *, files: int) -> None:
        if meets == "deleted":
            raise Refusal(Why.UNKNOWN_MESSAGE)
        if meets == "closed":
            raise Refusal(Why.MISSING_ACCESS)
        access = self._access(channel_id)
        check_visible(access)
        check_may_post(access, files=files > 0)

    async def announce(self, job: Job, channel_id: int) -> None:
        if channel_id in self.closed_channels:
            raise NoAccess
        self.announcements.append((job.id, channel_id))
        if self.on_announcement and self.on_announcement.pop(0) == "lost":
            raise Transient("Discord: the answer was lost")

    async def post_alert(self, alert: BudgetAlert) -> None:
        self.alert_sends += 1
        meets = self.on_alert.pop(0) if self.on_alert else ""
        if meets == "closed":
            raise NoAccess
        self.alerts[alert.id] = alert
        if meets == "lost":
            raise Transient("Discord: the answer was lost")

    async def find(
        self, job: Job, kind: MessageKind, where: Delivery, *, ever: bool = False
    ) -> MessageId | None:
        self.looked.append((where.channel_id, ever))
        if self.down:
            raise Transient("Discord: HTTP 503")
        access = self._access(where.channel_id)
        if not access.reads_history:
            raise NoHistory
        with _translated():
            check_visible(access)
        found = [post.id for post in self.of(kind, job.id) if post.channel_id == where.channel_id]
        return found[0] if found else None

    async def find_card(self, job: Job) -> MessageId | None:
        return self.known_cards.get(job.origin.interaction_id)

    async def open_direct(self, member_id: int) -> ChannelId:
        return ChannelId(member_id + self.direct_offset)

    async def update_card(self, job: Job, facts: CardFacts) -> None:
        del facts
        self.cards.append((job.id, job.state))
