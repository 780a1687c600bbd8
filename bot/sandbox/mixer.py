"""Mix notes, drums and voices into a finished song: stereo, echo, reverb and loudness."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.sandbox.instruments import VOICES
from bot.sandbox.score import TAIL_S, Score, Stroke
from bot.sandbox.synthesis import RATE_HZ, Samples, note

PEAK = 0.85
"""Highest sample of a song. The rest up to 1 is headroom, since mp3 encoding may raise peaks."""


@dataclass
class Mix:
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
            self.played[key] = note(VOICES[voice], hertz(tone.midi), held_s, self.score.style.brightness)
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


def hertz(midi: int) -> float:
    """Return the frequency of a MIDI number."""
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
