"""Play the accompaniment of a score: chords, bass and drums."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bot.sandbox.drums import drum
from bot.sandbox.mixer import Mix
from bot.sandbox.score import CHORUS, INTRO, OUTRO, VERSE, WALTZ_BEATS, Score, Stroke, chord_degrees, pick
from bot.sandbox.styles import DRUMS, Style

SILENT_DRUMS = {INTRO: ("kick", "snare", "clap"), VERSE: ("shaker", "open hat")}
"""Drums left out of a part, so that the next part has something to add."""

DRUM_PLACES = {
    "kick": (0.0, 0.5),
    "hat": (0.35, 0.75),
    "open hat": (0.35, 0.75),
    "ride": (-0.35, 0.75),
    "shaker": (-0.45, 0.75),
    "brush": (0.15, 0.75),
    "tom": (-0.15, 0.75),
}
"""Position of each drum, from -1 (left) to 1 (right), and its loudness."""


def play_chords(mix: Mix, rng: np.random.Generator) -> None:
    """Play the chords as the style does, over its pad."""
    score, style = mix.score, mix.score.style
    order = pick(rng, ((0, 1, 2, 1), (0, 2, 1, 2), (2, 1, 0, 1), (0, 1, 2, 3)))
    stabs = pick(rng, ((0.0, 1.5), (0.5, 2.5), (0.0, 2.5, 3.5), (1.5, 3.0)))
    for bar in range(score.bars):
        first = bar * style.beats
        section = score.section(bar)
        loud = (0.75, 0.85, 1.0, 0.8)[section]
        tones = _voiced(score, bar, 57 if style.comping == "chug" else 62)
        if style.pad and (section != VERSE or style.comping == "held"):
            for stroke in _held(style, tones):
                mix.play(style.pad, replace(stroke, start=first), 0.65 * loud)
        comping = "held" if bar == score.bars - 1 else style.comping
        for stroke in _comped(comping, style, tones, order, stabs):
            touch = loud * (0.92 + 0.16 * rng.random())
            mix.play(style.chords, replace(stroke, start=first + stroke.start), touch)


def _voiced(score: Score, bar: int, around: int) -> list[int]:
    """Return the MIDI numbers of a bar's chord, all within the octave around `around`.

    Consecutive chords are then close together, as a pianist plays them.
    """
    return sorted(
        around - 6 + (score.midi(degree, 60) - (around - 6)) % 12 for degree in chord_degrees(score, bar)
    )


def _comped(
    comping: str, style: Style, tones: list[int], order: Sequence[int], stabs: Sequence[float]
) -> list[Stroke]:
    """Return the strokes of one bar's chord, with the order of broken ones and the starts of stabs."""
    match comping:
        case "held":
            return _held(style, tones)
        case "arpeggio":
            return _arpeggio(style, tones, order)
        case "broken":
            return _broken(style, tones, order)
        case "strum":
            return _together(tones, (0, 1.5, 2.5, 3), 1.1, 0.02)
        case "stabs":
            return _together(tones, stabs, 0.6)
        case "offbeat":
            return _together(tones, (1, 2) if style.beats == WALTZ_BEATS else (0.5, 1.5, 2.5, 3.5), 0.4)
        case "chug":
            return _chug(style, tones)
        case _:
            raise KeyError(comping)


def _held(style: Style, tones: list[int]) -> list[Stroke]:
    """Hold the chord for the whole bar, spread from left to right."""
    return [
        Stroke(0, style.beats, midi, 0.3, pan)
        for midi, pan in zip(tones, (-0.4, 0.4, 0.0, 0.2), strict=False)
    ]


def _arpeggio(style: Style, tones: list[int], order: Sequence[int]) -> list[Stroke]:
    """Play one note after another, an octave up in every other group of four."""
    per_quarter = 4 if style.bass == "bass synth" else 2
    ladder = [*tones, tones[0] + 12]
    return [
        Stroke(
            step / per_quarter,
            1.5 / per_quarter,
            ladder[order[step % 4] % len(ladder)] + 12 * (step // 4 % 2),
            0.3,
            0.5 if step % 2 else -0.5,
        )
        for step in range(style.beats * per_quarter)
    ]


def _broken(style: Style, tones: list[int], order: Sequence[int]) -> list[Stroke]:
    """Play one note after another and let them ring, like a picked guitar."""
    ladder = [*tones, tones[0] + 12]
    return [
        Stroke(step / 2, 1.6, ladder[order[step % 4] % len(ladder)], 0.4, 0.25 * (-1) ** step)
        for step in range(style.beats * 2)
    ]


def _together(tones: list[int], starts: Sequence[float], length: float, spread: float = 0.0) -> list[Stroke]:
    """Play the whole chord at each start; `spread` is the delay from string to string."""
    return [
        Stroke(start + string * spread, length, midi, 0.3, 0.3 * (string - 1))
        for start in starts
        for string, midi in enumerate(tones)
    ]


def _chug(style: Style, tones: list[int]) -> list[Stroke]:
    """Play fifths in eighths on the low strings, as distorted guitars do."""
    return [
        Stroke(step / 2, 0.45, tones[0] - 12 + interval, 0.3 if step in {0, 3, 6} else 0.21, pan)
        for step in range(style.beats * 2)
        for interval, pan in ((0, -0.7), (7, 0.7), (12, 0.0))
    ]


def play_bass(mix: Mix) -> None:
    """Play the bass line of the style, from the last bar of the intro on."""
    score, style = mix.score, mix.score.style
    for bar in range(score.form[INTRO] - 1, score.bars):
        root, third, fifth = (_low(score, degree) for degree in chord_degrees(score, bar)[:3])
        ahead = _low(score, score.chords[(bar + 1) % score.bars])
        octave = root + 12 if style.pump else root
        eighths = (root, root, root, octave, root, root, root, octave)
        lines: dict[str, list[tuple[float, float, int]]] = {
            "long": [(0, style.beats, root)],
            "eighths": [(step / 2, 0.45, eighths[step]) for step in range(style.beats * 2)],
            "walk": [
                (0, 0.9, root),
                (1, 0.9, third),
                (2, 0.9, fifth),
                (3, 0.9, ahead + (1 if fifth > ahead else -1)),
            ],
            "bounce": [(0, 0.9, root), (1.5, 0.4, root), (2.5, 0.9, fifth), (3.5, 0.4, root)],
            "root and fifth": [(0, 1.5, root), (2, 1.5, fifth)],
        }
        for start, length, midi in lines["long" if bar == score.bars - 1 else style.bass_line]:
            mix.play(style.bass, Stroke(bar * style.beats + start, length, midi, 0.34))


def _low(score: Score, degree: int) -> int:
    """Return the MIDI number of a degree between E1 and D#2, where a bass sounds full."""
    return 28 + (score.midi(degree, 60) - 28) % 12


def play_drums(mix: Mix, rng: np.random.Generator) -> None:
    """Play the drum pattern of the style, with a fill before and a crash at the start of a part."""
    score, style = mix.score, mix.score.style
    pattern = DRUMS[style.drums]
    for bar in range(score.bars - 1 if pattern else 0):
        section = score.section(bar)
        first = bar * style.beats
        if bar == score.start(section) and section in {CHORUS, OUTRO}:
            mix.add(mix.drums, drum("crash"), first, 0.3, 0.2)
        for name, strokes in pattern.items():
            if name in SILENT_DRUMS.get(section, ()):
                continue
            place, level = DRUM_PLACES.get(name, (0.0, 0.75))
            for step, stroke in enumerate(strokes):
                if stroke != ".":
                    loudness = (0.8 if stroke == "X" else 0.45) * (0.9 + 0.2 * rng.random())
                    mix.add(mix.drums, drum(name), first + step / 4, loudness * level, place)
        if bar + 1 == score.start(section + 1) and section in {INTRO, VERSE}:
            for step in range(4):
                fill = drum("snare" if "snare" in pattern else "tom")
                mix.add(mix.drums, fill, first + style.beats - 1 + step / 4, 0.2 + 0.1 * step, 0.2)
