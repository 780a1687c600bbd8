"""What the pipeline needs from a chat. ``ui/discord_courier.py`` is the one for Discord."""

import hashlib
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from bot.model import Delivery, DiscordUserId, Job, Standing, Track
from bot.store.budget_alerts import BudgetAlert


class MessageKind(StrEnum):
    """What a message that the bot posts for a job is about."""

    SONG = "song"
    NOTICE = "notice"
    """A failure, told."""


class NoAccess(Exception):
    """The channel is gone, or the bot may not post there."""


class ContentRefused(NoAccess):
    """The channel takes messages, but not this one's content, also without what the member wrote."""


class NoHistory(Exception):
    """The channel's earlier messages can't be read."""


class AlreadyPosted(Exception):
    """The message was posted before and has been deleted since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What a card shows beside the job itself."""

    standing: Standing
    ahead: int
    """Queued jobs that come first."""
    expected_at: datetime
    """When the song may be there, from the last songs of this bot."""
    expected_until: datetime | None
    """The end of the range, while there are too few songs to name one moment."""
    overdue: bool
    """Whether that time is over and the song is not there."""
    slow: bool
    """Whether it takes longer than songs normally do."""

    def shown(self, job: Job) -> str:
        """A text that differs whenever a card would have to show something else for the job."""
        marks = {"slow": self.slow, "late": self.overdue, "parked": job.parked, "there": bool(job.message_id)}
        said = [job.state, job.reason or "", self.ahead or "", *(name for name, on in marks.items() if on)]
        return ":".join(map(str, said))


class Courier(Protocol):
    """Brings messages to members. Every method may raise Transient: not now, outcome perhaps unknown."""

    async def post_song(
        self, job: Job, files: Sequence[tuple[Track, Path]], where: Delivery, nonce: str
    ) -> int:
        """Post the song and mention the member. Returns the message's id.

        Raises:
            NoAccess: nothing was posted, and nothing can be there.
            AlreadyPosted: it was there under this nonce and has been deleted.
        """
        ...

    async def post_copy(
        self,
        job: Job,
        files: Sequence[tuple[Track, Path]],
        channel_id: int,
        nonce: str,
        *,
        locale: str,
        direct: bool,
    ) -> int:
        """Post the song once more, for somebody who asked for it; it mentions nobody and answers nothing.

        ``locale`` tells the language, ``direct`` whether the channel is one for direct messages. One try,
        of a minute at the most.
        Returns and raises as ``post_song``.
        """
        ...

    async def fetch(self, job: Job, take: int, *, max_bytes: int) -> bytes | None:
        """The audio of one take from the message that brought the song; None: it has no such file.

        Raises:
            NoAccess: the message is gone, or can't be read.
        """
        ...

    async def post_notice(self, job: Job, where: Delivery, nonce: str) -> int:
        """Tell the member why there is no song. Returns and raises as ``post_song``."""
        ...

    async def post_alert(self, alert: BudgetAlert) -> None:
        """Tell a server's managers about their budget; a repetition within a minute posts nothing more.

        Raises:
            NoAccess: nothing was posted.
            AlreadyPosted: it was there and has been deleted.
        """
        ...

    async def find(self, job: Job, kind: MessageKind, where: Delivery, *, ever: bool = False) -> int | None:
        """The id of this job's message of this kind that a send to ``where`` may have left there.

        It is looked for in the time of that send, or at any time ``ever`` since it began.

        Raises:
            NoHistory: can't be known.
        """
        ...

    async def find_card(self, job: Job) -> int | None:
        """The id of the public answer to the job's request, where it was not learned at the time."""
        ...

    async def open_direct(self, member_id: DiscordUserId) -> int:
        """The id of the channel for direct messages to the member.

        Raises:
            NoAccess: the member takes none.
        """
        ...

    async def update_card(self, job: Job, facts: CardFacts) -> None:
        """Make the job's card show how it stands.

        Raises:
            NoAccess: the card is gone, or can't be edited.
        """
        ...


def nonce(job: Job, kind: MessageKind, where: Delivery) -> str:
    """A text of 25 characters that is the same for each repetition of one send, and for no other.

    Source: https://docs.discord.com/developers/resources/message#create-message, read 2026-11-22.
    """
    return nonce_of(f"{job.id}:{kind}:{where.channel_id}")


def nonce_of(name: str) -> str:
    """The nonce of one thing that is to be posted once."""
    return b32encode(hashlib.sha256(name.encode()).digest())[:25].decode()
