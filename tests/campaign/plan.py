"""The plan of a campaign, drawn from the seed: faults, and the moments of kills."""

import signal
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final, Literal

from bot.sandbox.faults import FaultKind, InjectedFault

START_MAX_S: Final = 1.1
"""Typical time from a bot's start to its connection, in seconds."""
SOON_S: Final = 0.02
LATER_S: Final = 0.3


class Moment(StrEnum):
    """An event that a kill waits for."""

    STARTED = "while it starts"
    CLOCK = "by the clock"
    ANSWER = "an answer to a member has arrived"
    POST_ARRIVED = "a paid request has arrived"
    POST_TAKEN = "a paid request was taken"
    POST_ANSWERED = "a paid request was answered"
    POLL = "a status query has arrived"
    DOWNLOAD = "a download has arrived"
    SEND = "a message has arrived"
    STORED = "a message was stored"
    EDIT = "an edit of a card has arrived"


_MOMENTS = [moment for moment in Moment if moment not in (Moment.STARTED, Moment.CLOCK)]
_EARLY_SHARE, _CLOCK_SHARE, _GENTLE_SHARE = 0.25, 0.2, 0.08


@dataclass(frozen=True, kw_only=True)
class Life:
    """The end of one process of the bot."""

    moment: Moment
    skip: int = 0
    """Number of occurrences of the moment to ignore."""
    after_s: float
    """Delay after the moment, or after the connection for kills by the clock, in seconds."""
    latest_s: float
    """Deadline after the connection if the moment does not occur, in seconds."""
    signal: signal.Signals

    @property
    def gentle(self) -> bool:
        """Whether it is asked to stop."""
        return self.signal is signal.SIGTERM


def draw_life(random: Random, longest_s: float) -> Life:
    """Draw the end of the next process: during its start, or within about ``longest_s`` of connecting."""
    kind = random.random()
    how = signal.SIGTERM if random.random() < _GENTLE_SHARE else signal.SIGKILL
    if kind < _EARLY_SHARE:
        after_s = random.uniform(0.0, START_MAX_S)
        return Life(moment=Moment.STARTED, after_s=after_s, latest_s=0.0, signal=how)
    if kind < _EARLY_SHARE + _CLOCK_SHARE:
        after_s = random.uniform(0.0, longest_s)
        return Life(moment=Moment.CLOCK, after_s=after_s, latest_s=longest_s, signal=how)
    return Life(
        moment=random.choice(_MOMENTS),
        skip=random.choice((0, 0, 0, 1, 2)),
        after_s=random.choice((0.0, 0.0, random.uniform(0.0, SOON_S), random.uniform(0.0, LATER_S))),
        latest_s=longest_s,
        signal=how,
    )


@dataclass(frozen=True)
class Trouble:
    """A failing request to Discord, as arguments of ``FakeDiscord.fault``."""

    method: str
    path: str
    kind: int | str
    code: int | None = None
    stored: bool = False


SEND: Final = ("POST", "/channels/*/messages")
ANSWER: Final = ("POST", "/interactions/*/callback")
EDIT: Final = ("PATCH", "/channels/*/messages/*")
HANG: Final = "hang"
TROUBLES: Final = (
    *(
        Trouble(*SEND, kind)
        for kind in (
            *(429, 500, 502, 503, "reset before", "reset after", "reset after", "close after", "close after"),
            *("delay 0.3", "delay 2.5", HANG),
        )
    ),
    Trouble(*SEND, 500, stored=True),
    Trouble(*SEND, 503, stored=True),
    *(Trouble(*ANSWER, kind) for kind in (500, "reset before", "reset after", "delay 0.5", HANG)),
    Trouble(*ANSWER, 404, code=10062),
    *(Trouble(*EDIT, kind) for kind in (429, 500, "reset after", "delay 0.5")),
)

_POLL_KINDS = (FaultKind.SERVER_ERROR, FaultKind.LOST_ANSWER, FaultKind.BUSY)
_AUDIO_KINDS = (FaultKind.EMPTY_AUDIO, FaultKind.SERVER_ERROR, FaultKind.LOST_ANSWER)


def draw_music_fault(random: Random) -> InjectedFault:
    """Return a random fault of a status query or a download."""
    on: Literal["poll", "audio"] = random.choice(("poll", "audio"))
    return InjectedFault(random.choice(_POLL_KINDS if on == "poll" else _AUDIO_KINDS), on=on)


_WORDS = (
    *(FaultKind.BUSY, FaultKind.MODERATED, FaultKind.FAIL, FaultKind.CANCELED, FaultKind.SLOW),
    *(FaultKind.ONE_TAKE, FaultKind.EMPTY_SUCCESS, FaultKind.EMPTY_AUDIO),
)
_PLAIN_SHARE = 0.5


def draw_prompt(random: Random, number: int) -> str:
    """Return a prompt with its number and often a fault for the music service."""
    if random.random() < _PLAIN_SHARE:
        return f"Song {number} about the rain"
    return f"Song {number} [{random.choice(_WORDS)}] about the rain"
