"""Plan a song: its style, key, tempo, form and chords, before any sound is synthesised."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from bot.sandbox.styles import JAZZ_PROGRESSIONS, MODES, PROGRESSIONS, UNNAMED, Style
from bot.sandbox.vocabulary import spoken, style_named

Option = TypeVar("Option")
DEGREES = 7
INTRO, VERSE, CHORUS, OUTRO = range(4)
WALTZ_BEATS = 3
TAIL_S = 2.4
"""Time after the last bar, in which the song fades out."""
DURATION_MAX_S = 37.0

FORMS = ((1, 4, 4, 1), (2, 4, 4, 2), (2, 4, 8, 2), (4, 8, 8, 2), (4, 8, 8, 4))
"""Bars of intro, verse, chorus and outro, shortest form first. A song takes the longest form that fits."""


@dataclass(frozen=True)
class Tone:
    """One note of the score."""

    start: float
    """Quarter notes since the start of the song."""
    length: float
    """Quarter notes."""
    degree: int
    """Steps of the scale above the tonic."""


@dataclass(frozen=True)
class Stroke:
    """One note as it is played, with its pitch as a MIDI number."""

    start: float
    """Quarter notes since the start of the song, or of the bar."""
    length: float
    """Quarter notes."""
    midi: int
    loudness: float
    """About 0 to 1."""
    pan: float = 0.0
    """-1 is left, 1 is right."""


@dataclass(frozen=True)
class Score:
    """Everything that is decided before any sound is synthesised."""

    style: Style
    name: str
    tempo_bpm: int
    tonic: int
    """The tonic, 0 to 11 semitones above C."""
    mode: str
    chords: tuple[int, ...]
    """Root of each bar's chord, as a degree of the scale."""
    form: tuple[int, int, int, int]
    """Bars of intro, verse, chorus and outro."""
    lead: str
    feminine: bool
    """Whether the singer's voice is high."""

    @property
    def bars(self) -> int:
        """The number of bars in the song."""
        return sum(self.form)

    def section(self, bar: int) -> int:
        """Return the part that a bar belongs to: INTRO, VERSE, CHORUS or OUTRO."""
        return next(index for index in range(OUTRO + 1) if bar < sum(self.form[: index + 1]))

    def start(self, section: int) -> int:
        """Return the first bar of a part."""
        return sum(self.form[:section])

    def seconds(self, quarters: float) -> float:
        """Convert quarter notes to seconds."""
        return quarters * 60 / self.tempo_bpm

    def midi(self, degree: int, around: int) -> int:
        """Return the MIDI number of a degree; degree 0 is the nearest tonic at or below `around`."""
        octave, step = divmod(degree, DEGREES)
        return around - (around - self.tonic) % 12 + 12 * octave + MODES[self.mode][step]


def plan(words: str, lyrics: str, take: int) -> Score:
    """Plan the song of these words; its takes share style and mode."""
    same = seeded("plan", words, lyrics)
    own = seeded("take", words, lyrics, take)
    name, style = style_named(words, pick(same, UNNAMED))
    mode = pick(same, style.modes)
    slowest, fastest = style.tempo_bpm
    drawn = int(same.integers(slowest, fastest + 1))
    # Takes of nearly the same tempo would be hard to tell apart.
    shift = (take - 1) * max(3, (fastest - slowest) // 3)
    tempo_bpm = max(66, slowest + (drawn - slowest + shift) % (fastest - slowest + 1))
    tonic = (int(same.integers(12)) + 5 * (take - 1)) % 12
    bar_s = style.beats * 60 / tempo_bpm
    form = next((form for form in reversed(FORMS) if sum(form) * bar_s + TAIL_S <= DURATION_MAX_S), FORMS[0])
    verse = pick(own, JAZZ_PROGRESSIONS if style.jazzy and mode == "major" else PROGRESSIONS[mode])
    chorus = pick(own, PROGRESSIONS[mode])
    intro, _, _, outro = form
    chords = [verse[bar % 4] for bar in range(intro + form[1])] + [chorus[bar % 4] for bar in range(form[2])]
    chords += [verse[bar % 4] for bar in range(outro - 1)] + [0]
    vocabulary = spoken(words)
    feminine = "female" in vocabulary or ("male" not in vocabulary and take % 2 == 1)
    lead = style.leads[(int(same.integers(len(style.leads))) + take) % len(style.leads)]
    return Score(style, name, tempo_bpm, tonic, mode, tuple(chords), form, lead, feminine)


def seeded(*parts: object) -> np.random.Generator:
    """Return a generator seeded with these parts.

    `hash()` would not do: it is salted differently in each process.
    """
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode(errors="replace")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    """Return one of the options at random."""
    return options[int(rng.integers(len(options)))]


def chord_degrees(score: Score, bar: int) -> list[int]:
    """Return the degrees of a bar's chord, its root first."""
    root = score.chords[bar]
    return [root + step for step in ((0, 2, 4, 6) if score.style.jazzy else (0, 2, 4))]
