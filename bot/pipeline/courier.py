"""The pipeline's interface to a chat; ``ui/discord_courier.py`` implements it for Discord."""

import hashlib
from base64 import b32encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from bot.balance import Standing
from bot.model import ChannelId, Delivery, DiscordUserId, Job, MessageId, Track
from bot.store.budget_alerts import BudgetAlert

SEND_WITHIN = timedelta(seconds=60)
"""How long after its committed start a send may be repeated under its nonce.

Discord drops a repeated nonce for some minutes.
"""
AGAIN_S = 5.0
"""Wait before an alert or an announcement is sent again under its nonce, in seconds."""
NONCE_LENGTH = 25
"""Maximum length of a nonce, in characters.

Source: https://docs.discord.com/developers/resources/message#create-message, read 2026-11-22.
"""


class MessageKind(StrEnum):
    """Kinds of message that the bot posts for a job."""

    SONG = "song"
    NOTICE = "notice"
    """An explanation of a failure."""


class NoAccess(Exception):
    """The channel is gone, or the bot may not post there."""


class ContentRefused(NoAccess):
    """The channel accepts messages, but not this one's content, even without the member's text."""


class NoHistory(Exception):
    """The channel's earlier messages can't be read."""


class AlreadyPosted(Exception):
    """The message was posted before and has been deleted since."""


class CardFacts(Struct, frozen=True, kw_only=True):
    """Facts that a card shows in addition to the job itself."""

    standing: Standing
    ahead: int
    """Number of queued jobs ahead of this one."""
    expected_at: datetime
    """Estimated completion time, from the bot's last songs."""
    expected_until: datetime | None
    """End of the range, while there are too few songs for a single estimate."""
    overdue: bool
    """Whether that time has passed without a song."""
    slow: bool
    """Whether the song takes longer than normal."""

    def shown(self, job: Job) -> str:
        """Return a text that changes whenever the card's content must change."""
        marks = {"slow": self.slow, "late": self.overdue, "parked": job.parked, "there": bool(job.message_id)}
        parts = [job.state, job.reason or "", self.ahead or "", *(name for name, on in marks.items() if on)]
        return ":".join(map(str, parts))


class Courier(Protocol):
    """Delivers messages to members. Every method may raise Transient; the outcome may then be unknown."""

    async def post_song(
        self, job: Job, files: Sequence[tuple[Track, Path]], where: Delivery, nonce: str
    ) -> MessageId:
        """Post the song and mention the member. Returns the message's id.

        Raises:
            NoAccess: nothing was posted, and nothing can be there.
            AlreadyPosted: it was posted under this nonce and has been deleted.
        """
        ...

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
        """Post another copy of the song, without a mention or a reply.

        ``locale`` is the language; ``direct`` marks a channel for direct messages. Makes one attempt of
        at most a minute. Returns and raises as ``post_song``.
        """
        ...

    async def fetch(self, job: Job, take: int, *, max_bytes: int) -> bytes | None:
        """Return a take's audio from the song's message, or None if it has no such file.

        Raises:
            NoAccess: the message is gone, or can't be read.
        """
        ...

    async def post_notice(self, job: Job, where: Delivery, nonce: str) -> MessageId:
        """Tell the member why there is no song. Returns and raises as ``post_song``."""
        ...

    async def post_alert(self, alert: BudgetAlert) -> None:
        """Notify a server's managers about their budget.

        A repeat within a minute posts nothing more.

        Raises:
            NoAccess: nothing was posted.
            AlreadyPosted: it was posted and has been deleted.
        """
        ...

    async def announce(self, job: Job, channel_id: ChannelId) -> None:
        """Announce a posted song in a channel, with a link.

        A repeat within a minute posts nothing more.

        Raises:
            NoAccess: nothing was posted.
            AlreadyPosted: it was posted and has been deleted.
        """
        ...

    async def find(
        self, job: Job, kind: MessageKind, where: Delivery, *, ever: bool = False
    ) -> MessageId | None:
        """Return the id of the job's message that a send to ``where`` may have left.

        Searches the time in which that send could have landed or, with ``ever``, all time since its start.

        Raises:
            NoHistory: the channel's history can't be read.
        """
        ...

    async def find_card(self, job: Job) -> MessageId | None:
        """Return the id of the public answer to the job's request, if it can be found."""
        ...

    async def open_direct(self, member_id: DiscordUserId) -> ChannelId:
        """Return the id of the member's direct-message channel.

        Raises:
            NoAccess: the member accepts none.
        """
        ...

    async def update_card(self, job: Job, facts: CardFacts) -> None:
        """Bring the job's card up to date.

        Raises:
            NoAccess: the card is gone, or can't be edited.
        """
        ...


def nonce(job: Job, kind: MessageKind, where: Delivery) -> str:
    """Return the nonce shared by all repeats of one send and by no other send."""
    return nonce_of(f"{job.id}:{kind}:{where.channel_id}")


def nonce_of(name: str) -> str:
    """Return the nonce of something that is posted once."""
    return b32encode(hashlib.sha256(name.encode()).digest())[:NONCE_LENGTH].decode()
