"""Compose a short song from a text, which determines its key, tempo, band, melody and singing."""

from dataclasses import dataclass

from bot.sandbox.accompaniment import play_bass, play_chords, play_drums
from bot.sandbox.melody import play_melody
from bot.sandbox.mixer import Mix
from bot.sandbox.score import plan, seeded
from bot.sandbox.singing import sing, sung_lines
from bot.sandbox.synthesis import RATE_HZ, Samples

KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


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


def compose(words: str, *, lyrics: str = "", instrumental: bool = False, take: int = 1) -> Song:
    """Compose music of 20 to 40 s that suits the words, deterministically.

    `take` numbers the versions of one request. They share style and mood, but differ in melody, tempo
    and key. Without lyrics, the singer sings plain syllables.
    """
    score = plan(words, lyrics, take)
    rng = seeded("play", words, lyrics, take)
    mix = Mix(score)
    lines = sung_lines(lyrics) if not instrumental else []
    play_chords(mix, rng)
    play_bass(mix)
    play_drums(mix, rng)
    play_melody(mix, rng, sings=not instrumental)
    if not instrumental:
        sing(mix, rng, lines or [["la"] * 6, ["oo", "oo", "ah"]])
    return Song(
        mix.master(),
        tempo_bpm=score.tempo_bpm,
        key=f"{KEYS[score.tonic]} {score.mode}",
        style=score.name,
        sung=not instrumental,
    )
