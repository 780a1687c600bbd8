"""The audit: the books of Discord and of the music service, held against each other and the bot's own."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final

from tests.campaign.music import Given

FLIGHTS_MOST: Final = 4
"""Paid requests that one process may have in flight."""
UNKNOWN: Final = "outcome_unknown"
WITHDRAWN: Final = "withdrawn"

_DOCTOR = re.compile(r"ok\s+ledger: .* (\d+) credits held, (\d+) settled, (\d+) released")


class Answered(StrEnum):
    """What the member saw as the answer to the command."""

    CARD = "card"
    """The public promise of a song."""
    REFUSAL = "refusal"
    """A private sentence."""
    NOTHING = "nothing"
    """The application did not respond."""


class Kind(StrEnum):
    """What a message of the bot is."""

    SONG = "song"
    NOTICE = "notice"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A song that a member asked for, in Discord's books."""

    number: int
    interaction_id: int
    answered: Answered
    card_has_ended: bool
    """Whether the card shows the end."""
    channel_id: int
    member_id: int


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message that the bot posted, in Discord's books."""

    id: int
    kind: Kind
    job_id: int
    """From its button."""
    number: int
    """From its title."""
    task_ids: frozenset[str]
    """Whose files it brought."""
    channel_id: int
    pings: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Post:
    """A paid request, in the music service's books."""

    number: int
    given: Given
    cut_off: bool
    """Whether the bot was killed between its arrival and the moment after its answer."""
    task_id: str | None
    """What was made and charged for it."""
    asked: bool
    """Whether the task's status was ever asked for."""
    makes_song: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """A job in the bot's own books, which serve to match the others; ``state`` and ``reason`` are its words."""

    job_id: int
    interaction_id: int
    task_id: str | None
    state: str
    reason: str | None
    card_known: bool


@dataclass(frozen=True, kw_only=True)
class Books:
    """Everything that is audited."""

    price: int
    kills: int
    """Processes that were killed."""
    requests: tuple[Request, ...]
    messages: tuple[Message, ...]
    posts: tuple[Post, ...]
    rows: tuple[Row, ...]
    doctor_status: int
    doctor_said: str
    complaints: tuple[str, ...] = ()
    """What was noticed on the way: a process that ended by itself, a bug in its log, an unknown route."""
    _cache: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def tasks(self) -> list[Post]:
        """The paid requests that were taken and charged."""
        return [post for post in self.posts if post.task_id is not None]
