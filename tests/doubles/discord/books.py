"""The rules about places and nonces, for every double that keeps messages."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tests.doubles.discord.refusals import Refusal, Why


@dataclass(frozen=True)
class Access:
    """The bot's permissions in a place. The default is everything."""

    exists: bool = True
    sees: bool = True
    sends: bool = True
    attaches: bool = True
    embeds: bool = True
    reads_history: bool = True
    locked: bool = False
    """Whether it is a thread that a moderator has closed."""
    archived: bool = False
    takes_direct_messages: bool = True
    """False: it is a direct conversation with somebody who takes none."""


def check_visible(access: Access) -> None:
    """Raise what Discord answers if the bot does not see this place."""
    if not access.exists:
        raise Refusal(Why.UNKNOWN_CHANNEL)
    if not access.sees:
        raise Refusal(Why.MISSING_ACCESS)


def check_may_post(access: Access, *, files: bool = False, embeds: bool = False, reply: bool = False) -> None:
    """Raise what Discord answers if the bot may not post this in a place that it sees."""
    if not access.sends or (files and not access.attaches) or (embeds and not access.embeds):
        raise Refusal(Why.MISSING_PERMISSIONS)
    if access.locked:
        raise Refusal(Why.ARCHIVED_THREAD if access.archived else Why.LOCKED_THREAD)
    if not access.takes_direct_messages:
        raise Refusal(Why.NO_DIRECT_MESSAGES)
    if reply and not access.reads_history:
        raise Refusal(Why.NO_HISTORY_FOR_REPLY)


class Posted(Protocol):
    """A message as far as the rule looks at it."""

    @property
    def place(self) -> Hashable:
        """The channel."""

    @property
    def nonce(self) -> str | None:
        """Marker by which its sender recognizes it."""

    @property
    def created_at_s(self) -> float:
        """When it was posted, on the clock of its double."""

    @property
    def deleted(self) -> bool:
        """Whether somebody has deleted it since."""


M = TypeVar("M", bound=Posted)


def posted_before(
    messages: Sequence[M], place: Hashable, nonce: str, *, now_s: float, window_s: float
) -> M | None:
    """Return the latest message that has taken this nonce in this place; a nonce is free after the window.

    A deleted message keeps its nonce: Discord answers a repeated send with “Unknown Message”.
    """
    for message in reversed(messages):
        if message.nonce == nonce and message.place == place and now_s - message.created_at_s <= window_s:
            if message.deleted:
                raise Refusal(Why.UNKNOWN_MESSAGE)
            return message
    return None
