"""Rules about places and nonces, shared by every double that keeps messages."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tests.doubles.discord.refusals import Refusal, Why


@dataclass(frozen=True)
class Access:
    """The bot's permissions in a place; all of them by default."""

    exists: bool = True
    sees: bool = True
    sends: bool = True
    attaches: bool = True
    embeds: bool = True
    reads_history: bool = True
    locked: bool = False
    """Whether it is a thread closed by a moderator."""
    archived: bool = False
    takes_direct_messages: bool = True
    """False if it is a direct conversation with someone who accepts no messages."""


def check_visible(access: Access) -> None:
    """Raise Discord's refusal if the bot does not see this place."""
    if not access.exists:
        raise Refusal(Why.UNKNOWN_CHANNEL)
    if not access.sees:
        raise Refusal(Why.MISSING_ACCESS)


def check_may_post(access: Access, *, files: bool = False, embeds: bool = False, reply: bool = False) -> None:
    """Raise Discord's refusal if the bot sees this place but may not post this in it."""
    if not access.sends or (files and not access.attaches) or (embeds and not access.embeds):
        raise Refusal(Why.MISSING_PERMISSIONS)
    if access.locked:
        raise Refusal(Why.ARCHIVED_THREAD if access.archived else Why.LOCKED_THREAD)
    if not access.takes_direct_messages:
        raise Refusal(Why.NO_DIRECT_MESSAGES)
    if reply and not access.reads_history:
        raise Refusal(Why.NO_HISTORY_FOR_REPLY)


class Posted(Protocol):
    """The part of a message that the nonce rule needs."""

    @property
    def place(self) -> Hashable:
        """The channel."""

    @property
    def nonce(self) -> str | None:
        """The sender's marker for it."""

    @property
    def created_at_s(self) -> float:
        """Creation time by the clock of its double."""

    @property
    def deleted(self) -> bool:
        """Whether it has been deleted."""


M = TypeVar("M", bound=Posted)


def posted_before(
    messages: Sequence[M], place: Hashable, nonce: str, *, now_s: float, window_s: float
) -> M | None:
    """Return the latest message that used this nonce in this place within the window.

    A deleted message keeps its nonce: Discord answers a repeated send with “Unknown Message”.
    """
    for message in reversed(messages):
        if message.nonce == nonce and message.place == place and now_s - message.created_at_s <= window_s:
            if message.deleted:
                raise Refusal(Why.UNKNOWN_MESSAGE)
            return message
    return None
