"""Invent the melody of a score, and play it."""

from collections.abc import Sequence

import numpy as np

from bot.sandbox.mixer import Mix
from bot.sandbox.score import (
    CHORUS,
    DEGREES,
    INTRO,
    VERSE,
    WALTZ_BEATS,
    Score,
    Stroke,
    Tone,
    chord_degrees,
    pick,
)

LOW_LEADS = ("distorted guitar", "saxophone", "brass", "choir", "clarinet", "guitar")

# Rhythms of one bar, in quarter notes. A negative number is a rest.
QUIET_CELLS = ((2, 1, 1), (1, 1, 2), (1.5, 0.5, 2), (3, 1), (1, 1, 1, 1), (-1, 1, 1, 1), (1.5, 1.5, 1))
LIVELY_CELLS = (
    (0.5, 0.5, 1, 0.5, 0.5, 1),
    (1, 0.5, 0.5, 1, 1),
    (0.75, 0.75, 0.5, 1, 1),
    (-0.5, 0.5, 0.5, 0.5, 1, 1),
    (1.5, 0.5, 0.5, 0.5, 1),
    (0.5, 1, 0.5, 0.5, 0.5, 1),
    (0.75, 0.25, 1, 0.5, 0.5, 1),
)
WALTZ_CELLS = ((2, 1), (1, 1, 1), (1.5, 0.5, 1), (1, 2), (1, 0.5, 0.5, 1))


def fitted(score: Score, rhythm: list[tuple[float, float]], walk: Sequence[int], centre: int) -> list[Tone]:
    """Add pitches to a rhythm of (start, length): follow the walk, and use chord tones on the beat."""
    tones = []
    for index, (start, length) in enumerate(rhythm):
        bar = min(score.bars - 1, int(start // score.style.beats))
        degree = centre + walk[index % len(walk)]
        if start % 1 == 0 or length >= 1:
            chord = {tone % DEGREES for tone in chord_degrees(score, bar)[:3]}
            degree = min(
                (degree + step for step in (0, 1, -1, 2, -2)), key=lambda tone: tone % DEGREES not in chord
            )
        tones.append(Tone(start, length, degree))
    return tones


def wander(rng: np.random.Generator, length: int = 24) -> list[int]:
    """Return a line that wanders in small steps, in degrees relative to its centre."""
    place, line = int(rng.integers(-1, 3)), []
    for _ in range(length):
        line.append(place)
        place += pick(rng, (-2, -1, -1, 0, 1, 1, 2, 3 if place < 0 else -3))
        place = max(-4, min(5, place))
    return line


def _tune(score: Score, rng: np.random.Generator, section: int, centre: int) -> list[Tone]:
    """Return the melody of one part: the motifs A B A C, and a long note in its last bar."""
    style = score.style
    cells = WALTZ_CELLS if style.beats == WALTZ_BEATS else LIVELY_CELLS if style.lively else QUIET_CELLS
    motifs = [(pick(rng, cells), wander(rng)) for _ in range(3)]
    melody: list[Tone] = []
    for index in range(score.form[section]):
        bar = score.start(section) + index
        first = bar * style.beats
        if index == score.form[section] - 1:
            melody += fitted(score, [(first, style.beats - 0.5)], [0], centre)
            continue
        cell, walk = motifs[(0, 1, 0, 2)[index % 4]]
        rhythm, start = [], float(first)
        for length in cell:
            if length > 0:
                rhythm.append((start, length * 0.92))
            start += abs(length)
        melody += fitted(score, rhythm, walk, centre)
    return melody


def play_melody(mix: Mix, rng: np.random.Generator, *, sings: bool) -> None:
    """Play the tune; with a singer, only in intro and outro, and softly in the chorus."""
    score = mix.score
    around = 60 if score.lead in LOW_LEADS else 67
    for section, centre in enumerate((2, 0, 3, 1)):
        tune = _tune(score, rng, section, centre)
        loudness = (0.4, 0.5, 0.55, 0.4)[section]
        if sings and section in {VERSE, CHORUS}:
            loudness = 0.0 if section == VERSE else 0.18
        if section == INTRO and score.form[INTRO] > 1:
            tune = [tone for tone in tune if tone.start >= score.style.beats]
        for tone in tune if loudness else ():
            midi = score.midi(tone.degree, around)
            mix.play(score.lead, Stroke(tone.start, tone.length, midi, loudness, 0.12))
            if section == CHORUS and not sings:
                below = score.midi(tone.degree - 2, around)
                mix.play(score.lead, Stroke(tone.start, tone.length, below, loudness * 0.4, -0.4))
