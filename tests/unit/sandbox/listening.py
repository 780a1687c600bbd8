"""Measure what a song or an mp3 file sounds like."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.sandbox.composer import Song, compose
from bot.sandbox.synthesis import RATE_HZ, Samples

# Source: https://www.iso.org/standard/22412.html, ISO/IEC 11172-3, 2.4.2.3; MPEG-1 layer III.
KILOBITS_PER_S = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
RATES_HZ = (44_100, 48_000, 32_000)
SAMPLES_PER_FRAME = 1_152
# Number of samples analysed: about twelve seconds; a power of two, because other transforms are slow.
LISTENED = 2**19


@lru_cache(maxsize=8)
def heard(words: str, *, lyrics: str = "", instrumental: bool = True, take: int = 1) -> Song:
    return compose(words, lyrics=lyrics, instrumental=instrumental, take=take)


def _spectrum(samples: Samples) -> NDArray[np.float32]:
    return np.asarray(np.abs(np.fft.rfft(samples[:, :LISTENED].mean(axis=0))) ** 2, np.float32)


def brightness_hz(samples: Samples) -> float:
    """Return the mean frequency, weighted by power."""
    power = _spectrum(samples)
    hertz = np.fft.rfftfreq(LISTENED, 1 / RATE_HZ)
    return float((power * hertz).sum() / power.sum())


def loudness_by_second(samples: Samples) -> list[float]:
    whole = samples.shape[1] // RATE_HZ
    seconds = samples[:, : whole * RATE_HZ].reshape(2, whole, RATE_HZ)
    return [float(loudness) for loudness in np.sqrt((seconds**2).mean(axis=(0, 2)))]


def loudest_tone(samples: Samples) -> float:
    """Return the share of the power in the strongest frequency."""
    power = _spectrum(samples)
    return float(power.max() / power.sum())


@dataclass(frozen=True)
class Frames:
    """Properties from the frame headers of an mp3 file."""

    rate_hz: int
    kilobits_per_s: int
    duration_s: float


def frames(mp3: bytes) -> Frames:
    """Parse frame by frame, and fail on any byte out of place."""
    place = 0
    if mp3.startswith(b"ID3"):
        place = 10 + sum(byte << shift for byte, shift in zip(mp3[6:10], (21, 14, 7, 0), strict=True))
    count = rate_hz = kilobits_per_s = 0
    while place < len(mp3):
        assert mp3[place : place + 2] in {b"\xff\xfb", b"\xff\xfa"}
        rate_hz = RATES_HZ[mp3[place + 2] >> 2 & 3]
        kilobits_per_s = KILOBITS_PER_S[mp3[place + 2] >> 4]
        place += 144 * kilobits_per_s * 1000 // rate_hz + (mp3[place + 2] >> 1 & 1)
        count += 1
    return Frames(rate_hz, kilobits_per_s, count * SAMPLES_PER_FRAME / rate_hz)
