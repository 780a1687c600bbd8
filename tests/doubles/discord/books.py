"""The rule about nonces, for every double that keeps messages."""

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar


class Posted(Protocol):
    """A message as far as the rule looks at it."""

    @property
    def place(self) -> Hashable:
        """The channel."""

    @property
    def nonce(self) -> str | None:
        """What its sender gave it to be recognised by."""

    @property
    def created_at_s(self) -> float:
        """When it was posted, on the clock of its double."""


M = TypeVar("M", bound=Posted)


def with_nonce(
    messages: Sequence[M], place: Hashable, nonce: str, *, now_s: float, window_s: float
) -> M | None:
    """Return the latest message that has taken this nonce in this place; a nonce is free after the window.

    A deleted message keeps its nonce.
    """
    return next(
        (
            message
            for message in reversed(messages)
            if message.nonce == nonce and message.place == place and now_s - message.created_at_s <= window_s
        ),
        None,
    )
