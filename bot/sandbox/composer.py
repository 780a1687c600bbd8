"""Compose a short song from a text, which determines its key, tempo, band, melody and singing."""

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.sandbox.instruments import BURSTING, HISSING, RATE_HZ, VOICES, Samples, drum, note, sung
from bot.sandbox.styles import (
    DRUMS,
    JAZZ_PROGRESSIONS,
    MODES,
    PROGRESSIONS,
    UNNAMED,
    Style,
    spoken,
    style_named,
)

Option = TypeVar("Option")

KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
DEGREES = 7
INTRO, VERSE, CHORUS, OUTRO = range(4)
WALTZ_BEATS = 3
LOW_LEADS = ("distorted guitar", "saxophone", "brass", "choir", "clarinet", "guitar")
PEAK = 0.85
"""Highest sample of a song. The rest up to 1 is headroom, since mp3 encoding may raise peaks."""
TAIL_S = 2.4
"""Time after the last bar, in which the song fades out."""
DURATION_MAX_S = 37.0
LINES_MAX = 64
SYLLABLES_PER_LINE_MAX = 24

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

FORMS = ((1, 4, 4, 1), (2, 4, 4, 2), (2, 4, 8, 2), (4, 8, 8, 2), (4, 8, 8, 4))
"""Bars of intro, verse, chorus and outro, shortest form first. A song takes the longest form that fits."""

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

# Contains Cyrillic letters that look like Latin ones.
VOWEL_SOUNDS = {
    **dict.fromkeys("aàáâäåаяあ", "a"),  # noqa: RUF001
    **dict.fromkeys("eèéêëеэє", "e"),  # noqa: RUF001
    **dict.fromkeys("iíîïyиыі", "i"),  # noqa: RUF001
    **dict.fromkeys("oóôöøоё", "o"),  # noqa: RUF001
    **dict.fromkeys("uúûüую", "u"),  # noqa: RUF001
}


@dataclass(frozen=True)
class Song:
    """A finished piece of music and its characteristics."""

    samples: Samples
    """Stereo samples at RATE_HZ, shape (2, n), peak below 1."""
    tempo_bpm: int
    """Quarter notes per minute."""
    key: str
    """Key and mode, such as `D minor`."""
    style: str
    """A key of `styles.STYLES`."""
    sung: bool
    """Whether there is a singer."""

    @property
    def duration_s(self) -> float:
        """The duration in seconds."""
        return float(self.samples.shape[1] / RATE_HZ)


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


def compose(words: str, *, lyrics: str = "", instrumental: bool = False, take: int = 1) -> Song:
    """Compose music of 20 to 40 s that suits the words, deterministically.

    `take` numbers the versions of one request. They share style and mood, but differ in melody, tempo
    and key. Without lyrics, the singer sings plain syllables.
    """
    score = _plan(words, lyrics, take)
    rng = _rng("play", words, lyrics, take)
    mix = _Mix(score)
    lines = _lines(lyrics) if not instrumental else []
    _play_chords(mix, rng)
    _play_bass(mix)
    _play_drums(mix, rng)
    _play_melody(mix, rng, sings=not instrumental)
    if not instrumental:
        _sing(mix, rng, lines or [["la"] * 6, ["oo", "oo", "ah"]])
    return Song(
        mix.master(),
        tempo_bpm=score.tempo_bpm,
        key=f"{KEYS[score.tonic]} {score.mode}",
        style=score.name,
        sung=not instrumental,
    )


def _rng(*parts: object) -> np.random.Generator:
    """Return a generator seeded with these parts.

    `hash()` would not do: it is salted differently in each process.
    """
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode(errors="replace")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    return options[int(rng.integers(len(options)))]


def _plan(words: str, lyrics: str, take: int) -> Score:
    same = _rng("plan", words, lyrics)
    own = _rng("take", words, lyrics, take)
    name, style = style_named(words, _pick(same, UNNAMED))
    mode = _pick(same, style.modes)
    slowest, fastest = style.tempo_bpm
    drawn = int(same.integers(slowest, fastest + 1))
    # Takes of nearly the same tempo would be hard to tell apart.
    shift = (take - 1) * max(3, (fastest - slowest) // 3)
    tempo_bpm = max(66, slowest + (drawn - slowest + shift) % (fastest - slowest + 1))
    tonic = (int(same.integers(12)) + 5 * (take - 1)) % 12
    bar_s = style.beats * 60 / tempo_bpm
    form = next((form for form in reversed(FORMS) if sum(form) * bar_s + TAIL_S <= DURATION_MAX_S), FORMS[0])
    verse = _pick(own, JAZZ_PROGRESSIONS if style.jazzy and mode == "major" else PROGRESSIONS[mode])
    chorus = _pick(own, PROGRESSIONS[mode])
    intro, _, _, outro = form
    chords = [verse[bar % 4] for bar in range(intro + form[1])] + [chorus[bar % 4] for bar in range(form[2])]
    chords += [verse[bar % 4] for bar in range(outro - 1)] + [0]
    vocabulary = spoken(words)
    feminine = "female" in vocabulary or ("male" not in vocabulary and take % 2 == 1)
    lead = style.leads[(int(same.integers(len(style.leads))) + take) % len(style.leads)]
    return Score(style, name, tempo_bpm, tonic, mode, tuple(chords), form, lead, feminine)


@dataclass
class _Mix:
    """A mixing desk that takes notes at their times and returns the finished song."""

    score: Score
    band: Samples = field(init=False)
    """Chords and bass, which the kick ducks."""
    front: Samples = field(init=False)
    """Melody and singing, which get the echo."""
    drums: Samples = field(init=False)
    played: dict[tuple[str, int, int], Samples] = field(init=False, default_factory=dict)
    """Notes synthesised so far, since songs repeat themselves."""

    def __post_init__(self) -> None:
        """Allocate silent tracks as long as the song."""
        length_s = self.score.seconds(self.score.bars * self.score.style.beats) + TAIL_S
        self.band, self.front, self.drums = (
            np.zeros((2, int(length_s * RATE_HZ)), np.float32) for _ in range(3)
        )

    def swung(self, quarters: float) -> float:
        """Shift an off-beat by the swing of the style."""
        beat, part = divmod(quarters, 1)
        late = self.score.style.swing
        half = 0.5
        if part <= half:
            return beat + part * (half + late) / half
        return beat + half + late + (part - half) * (half - late) / half

    def add(self, track: Samples, sound: Samples, quarters: float, loudness: float, pan: float = 0.0) -> None:
        """Mix in a sound at a time; `pan` goes from -1 (left) to 1 (right)."""
        start = int(self.score.seconds(max(0.0, self.swung(quarters))) * RATE_HZ)
        length = min(sound.shape[1], track.shape[1] - start)
        for side, share in ((0, 1 - max(0.0, pan)), (1, 1 + min(0.0, pan))):
            track[side, start : start + length] += sound[side, :length] * np.float32(loudness * share)

    def play(self, voice: str, tone: Stroke, loudness: float = 1.0) -> None:
        """Play one note of a voice, with its loudness multiplied by `loudness`."""
        held_s = self.score.seconds(tone.length)
        key = (voice, tone.midi, round(held_s * 1000))
        if key not in self.played:
            self.played[key] = note(VOICES[voice], _hertz(tone.midi), held_s, self.score.style.brightness)
        track = self.front if voice == self.score.lead and voice != self.score.style.chords else self.band
        self.add(track, self.played[key], tone.start, loudness * tone.loudness, tone.pan)

    def master(self) -> Samples:
        """Mix the tracks with ducking, echo, reverb, saturation, fade-out and normalisation."""
        style = self.score.style
        if style.pump:
            self.band *= self._pumping(style.pump)
        if style.echo:
            self._echo(style.echo)
        mix = self.band + self.front
        _reverberate(mix + self.drums * np.float32(0.35), style.reverb, into=mix)
        mix += self.drums
        mix *= np.float32(0.21 / max(1e-6, float(np.sqrt(np.mean(mix**2)))))
        np.tanh(mix, out=mix)
        fade = int(TAIL_S * RATE_HZ)
        mix[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32) ** 1.5
        mix *= np.float32(PEAK / max(1e-6, float(np.abs(mix).max())))
        return mix

    def _pumping(self, depth: float) -> NDArray[np.float32]:
        quarters = np.arange(self.band.shape[1], dtype=np.float32) / np.float32(
            self.score.seconds(1) * RATE_HZ
        )
        since_kick = quarters % 1
        pushed: NDArray[np.float32] = 1 - np.float32(depth) * np.exp(since_kick * np.float32(-5))
        return pushed

    def _echo(self, loudness: float) -> None:
        dry = self.front.copy()
        for count in (1, 2, 3):
            delay = int(self.score.seconds(0.75 * count) * RATE_HZ)
            # The echoes alternate between left and right.
            for side in (0, 1):
                share = loudness**count * (1.0 if (count + side) % 2 else 0.35)
                self.front[side, delay:] += dry[side, :-delay] * np.float32(share)


def _hertz(midi: int) -> float:
    return 440.0 * float(2.0 ** ((midi - 69) / 12))


@lru_cache(maxsize=4)
def _room(size: int) -> NDArray[np.complexfloating]:
    """Return the spectrum of a room's impulse response at half the sample rate, one row per channel."""
    length = int(1.9 * RATE_HZ / 2)
    time_s = np.arange(length) / (RATE_HZ / 2)
    noise = np.random.default_rng(7).normal(size=(2, length)) * np.exp(time_s * -3.2)
    # Walls absorb high frequencies first, so the late part of the response is smoother.
    smooth = (noise[:, :-2] + noise[:, 1:-1] + noise[:, 2:]) / 3
    early = np.exp(time_s[1:-1] * -14)
    response = np.concatenate(
        (np.zeros((2, int(0.012 * RATE_HZ))), noise[:, 1:-1] * early + smooth * (1 - early)), axis=1
    )
    response /= np.sqrt((response**2).sum(axis=1, keepdims=True))
    return np.fft.rfft(response.astype(np.float32), size)


def _reverberate(dry: Samples, share: float, into: Samples) -> None:
    """Add the reverb of `dry` to `into`, at half the sample rate, since reverb has few high frequencies."""
    count = dry.shape[1] // 2 * 2
    send = dry[:, :count].sum(axis=0).reshape(-1, 2).sum(axis=1) * np.float32(0.25)
    block = 2**16
    spectrum = _room(2 * block)
    wet = np.zeros((2, send.size + 2 * block), np.float32)
    for start in range(0, send.size, block):
        piece = np.fft.rfft(send[start : start + block], 2 * block)
        wet[:, start : start + 2 * block] += np.fft.irfft(piece[None, :] * spectrum, axis=1)
    wet = wet[:, : count // 2 + 1] * np.float32(share * 2.2)
    into[:, :count:2] += wet[:, :-1]
    into[:, 1:count:2] += (wet[:, :-1] + wet[:, 1:]) * np.float32(0.5)


def _chord(score: Score, bar: int) -> list[int]:
    """Return the degrees of a bar's chord, its root first."""
    root = score.chords[bar]
    return [root + step for step in ((0, 2, 4, 6) if score.style.jazzy else (0, 2, 4))]


def _voiced(score: Score, bar: int, around: int) -> list[int]:
    """Return the MIDI numbers of a bar's chord, all within the octave around `around`.

    Consecutive chords are then close together, as a pianist plays them.
    """
    return sorted(around - 6 + (score.midi(degree, 60) - (around - 6)) % 12 for degree in _chord(score, bar))


def _play_chords(mix: _Mix, rng: np.random.Generator) -> None:
    score, style = mix.score, mix.score.style
    order = _pick(rng, ((0, 1, 2, 1), (0, 2, 1, 2), (2, 1, 0, 1), (0, 1, 2, 3)))
    stabs = _pick(rng, ((0.0, 1.5), (0.5, 2.5), (0.0, 2.5, 3.5), (1.5, 3.0)))
    for bar in range(score.bars):
        first = bar * style.beats
        section = score.section(bar)
        loud = (0.75, 0.85, 1.0, 0.8)[section]
        tones = _voiced(score, bar, 57 if style.comping == "chug" else 62)
        if style.pad and (section != VERSE or style.comping == "held"):
            for stroke in _held(style, tones):
                mix.play(style.pad, replace(stroke, start=first), 0.65 * loud)
        comping = "held" if bar == score.bars - 1 else style.comping
        for stroke in _COMPING[comping](style, tones, order, stabs):
            touch = loud * (0.92 + 0.16 * rng.random())
            mix.play(style.chords, replace(stroke, start=first + stroke.start), touch)


def _held(style: Style, tones: list[int], *_: object) -> list[Stroke]:
    """Hold the chord for the whole bar, spread from left to right."""
    return [
        Stroke(0, style.beats, midi, 0.3, pan)
        for midi, pan in zip(tones, (-0.4, 0.4, 0.0, 0.2), strict=False)
    ]


def _arpeggio(style: Style, tones: list[int], order: Sequence[int], _: Sequence[float]) -> list[Stroke]:
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


def _broken(style: Style, tones: list[int], order: Sequence[int], _: Sequence[float]) -> list[Stroke]:
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


def _strum(_: Style, tones: list[int], *__: object) -> list[Stroke]:
    return _together(tones, (0, 1.5, 2.5, 3), 1.1, 0.02)


def _stabs(_: Style, tones: list[int], __: Sequence[int], starts: Sequence[float]) -> list[Stroke]:
    return _together(tones, starts, 0.6)


def _offbeat(style: Style, tones: list[int], *_: object) -> list[Stroke]:
    return _together(tones, (1, 2) if style.beats == WALTZ_BEATS else (0.5, 1.5, 2.5, 3.5), 0.4)


def _chug(style: Style, tones: list[int], *_: object) -> list[Stroke]:
    """Play fifths in eighths on the low strings, as distorted guitars do."""
    return [
        Stroke(step / 2, 0.45, tones[0] - 12 + interval, 0.3 if step in {0, 3, 6} else 0.21, pan)
        for step in range(style.beats * 2)
        for interval, pan in ((0, -0.7), (7, 0.7), (12, 0.0))
    ]


_COMPING: dict[str, Callable[[Style, list[int], Sequence[int], Sequence[float]], list[Stroke]]] = {
    "held": _held,
    "arpeggio": _arpeggio,
    "broken": _broken,
    "strum": _strum,
    "stabs": _stabs,
    "offbeat": _offbeat,
    "chug": _chug,
}


def _play_bass(mix: _Mix) -> None:
    score, style = mix.score, mix.score.style
    for bar in range(score.form[INTRO] - 1, score.bars):
        root, third, fifth = (_low(score, degree) for degree in _chord(score, bar)[:3])
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


def _play_drums(mix: _Mix, rng: np.random.Generator) -> None:
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


def _fitted(score: Score, rhythm: list[tuple[float, float]], walk: Sequence[int], centre: int) -> list[Tone]:
    """Add pitches to a rhythm of (start, length): follow the walk, and use chord tones on the beat."""
    tones = []
    for index, (start, length) in enumerate(rhythm):
        bar = min(score.bars - 1, int(start // score.style.beats))
        degree = centre + walk[index % len(walk)]
        if start % 1 == 0 or length >= 1:
            chord = {tone % DEGREES for tone in _chord(score, bar)[:3]}
            degree = min(
                (degree + step for step in (0, 1, -1, 2, -2)), key=lambda tone: tone % DEGREES not in chord
            )
        tones.append(Tone(start, length, degree))
    return tones


def _walk(rng: np.random.Generator, length: int = 24) -> list[int]:
    """Return a line that wanders in small steps, in degrees relative to its centre."""
    place, line = int(rng.integers(-1, 3)), []
    for _ in range(length):
        line.append(place)
        place += _pick(rng, (-2, -1, -1, 0, 1, 1, 2, 3 if place < 0 else -3))
        place = max(-4, min(5, place))
    return line


def _tune(score: Score, rng: np.random.Generator, section: int, centre: int) -> list[Tone]:
    """Return the melody of one part: the motifs A B A C, and a long note in its last bar."""
    style = score.style
    cells = WALTZ_CELLS if style.beats == WALTZ_BEATS else LIVELY_CELLS if style.lively else QUIET_CELLS
    motifs = [(_pick(rng, cells), _walk(rng)) for _ in range(3)]
    melody: list[Tone] = []
    for index in range(score.form[section]):
        bar = score.start(section) + index
        first = bar * style.beats
        if index == score.form[section] - 1:
            melody += _fitted(score, [(first, style.beats - 0.5)], [0], centre)
            continue
        cell, walk = motifs[(0, 1, 0, 2)[index % 4]]
        rhythm, start = [], float(first)
        for length in cell:
            if length > 0:
                rhythm.append((start, length * 0.92))
            start += abs(length)
        melody += _fitted(score, rhythm, walk, centre)
    return melody


def _play_melody(mix: _Mix, rng: np.random.Generator, *, sings: bool) -> None:
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


def _lines(lyrics: str) -> list[list[str]]:
    """Return the syllables of each sung line, without stage directions such as `[Chorus]`."""
    lines = []
    for line in lyrics.splitlines()[: 4 * LINES_MAX]:
        if line.strip() and not line.strip().startswith(("[", "(")):
            syllables = [syllable for word in spoken(line) for syllable in _syllables(word)]
            if syllables:
                lines.append(syllables[:SYLLABLES_PER_LINE_MAX])
    return lines[:LINES_MAX]


def _syllables(word: str) -> list[str]:
    """Split a word before the consonant that precedes each group of vowels but the first."""
    if all(unicodedata.category(letter) == "Lo" for letter in word):
        return list(word)
    pieces: list[str] = []
    current, seen = "", False
    for index, letter in enumerate(word):
        vowel = letter in VOWEL_SOUNDS and not (letter == "y" and index == 0)
        leads_next = not vowel and seen and index + 1 < len(word) and word[index + 1] in VOWEL_SOUNDS
        silent_e = leads_next and index + 2 == len(word) and word[-1] == "e"
        if leads_next and not silent_e:
            pieces.append(current)
            current, seen = "", False
        current += letter
        seen = seen or vowel
    return [*pieces, current]


def _mouth(syllable: str) -> tuple[str, str]:
    """Return the consonant that a syllable starts with, if any, and its vowel."""
    first = syllable[0]
    consonant = first if first in HISSING + BURSTING else ""
    for letter in syllable:
        if letter in VOWEL_SOUNDS:
            return consonant, VOWEL_SOUNDS[letter]
    return consonant, "aeiouə"[ord(syllable[-1]) % 6]


def _sing(mix: _Mix, rng: np.random.Generator, lines: list[list[str]]) -> None:
    """Sing the lines in verse and chorus, two bars each, with the same tune for every other line."""
    score, style = mix.score, mix.score.style
    around = 64 if score.feminine else 54
    synthesised: dict[tuple[str, str, int, int], Samples] = {}
    spoken_lines = iter(range(LINES_MAX))
    for section, centre in ((VERSE, 0), (CHORUS, 2)):
        walks = (_walk(rng), _walk(rng))
        for index in range(0, score.form[section], 2):
            syllables = lines[next(spoken_lines) % len(lines)]
            first = (score.start(section) + index) * style.beats
            rhythm = _sung_rhythm(first, len(syllables), 2 * style.beats)
            tones = _fitted(score, rhythm, walks[index // 2 % 2], centre)
            for syllable, tone in zip(syllables, tones, strict=True):
                midi = score.midi(tone.degree, around)
                held_s = score.seconds(tone.length)
                key = (*_mouth(syllable), midi, round(held_s * 1000))
                if key not in synthesised:
                    synthesised[key] = sung(*key[:2], _hertz(midi), held_s)
                mix.add(mix.front, synthesised[key], tone.start, 0.75)
                if section == CHORUS:
                    # Two more voices, slightly delayed, sound like a choir.
                    mix.add(mix.front, synthesised[key], tone.start + 0.03, 0.3, 0.8)
                    mix.add(mix.front, synthesised[key], tone.start + 0.05, 0.3, -0.8)


def _sung_rhythm(first: float, count: int, span: int) -> list[tuple[float, float]]:
    """Spread syllables over a span of quarter notes, on eighths if they fit, with a breath at the end."""
    usable = span - 1.5
    grid = 0.5 if count <= usable * 2 else usable / count
    starts = [first + round(index * min(usable / count, 1.0) / grid) * grid for index in range(count)]
    ends = [*starts[1:], max(starts[-1] + grid, min(starts[-1] + 2, first + span - 0.5))]
    return [(start, (end - start) * 0.95) for start, end in zip(starts, ends, strict=True)]
