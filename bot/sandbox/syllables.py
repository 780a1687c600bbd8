"""Synthesise sung syllables: a consonant, and a vowel made of its formants."""

import math

import numpy as np
from numpy.typing import NDArray

from bot.sandbox.synthesis import (
    HARMONICS_MAX,
    RATE_HZ,
    Samples,
    hiss,
    phase_of,
    read,
    seconds,
    vibrato,
    wave_table,
    white_noise,
)

VOWELS = {
    "a": ((800, 1.0), (1250, 0.6), (2600, 0.2)),
    "e": ((480, 1.0), (1950, 0.45), (2600, 0.25)),
    "i": ((310, 1.0), (2250, 0.35), (3000, 0.25)),
    "o": ((470, 1.0), (880, 0.6), (2500, 0.12)),
    "u": ((330, 1.0), (720, 0.35), (2400, 0.08)),
    "ə": ((550, 1.0), (1500, 0.4), (2500, 0.15)),
}
"""Formants of each vowel: (hertz, loudness). Source: averages of Peterson and Barney, 1952, rounded."""

# Both contain Cyrillic letters that look like Latin ones.
HISSING = "sfzxcšшщсфцчхh"  # noqa: RUF001
BURSTING = "tkpdbgqтпкдбг"  # noqa: RUF001


def sung(consonant: str, vowel: str, hertz: float, held_s: float) -> Samples:
    """Synthesise a syllable: a consonant (one letter or none), then a vowel for `held_s` seconds."""
    held = max(1, int(held_s * RATE_HZ))
    count = held + int(0.06 * RATE_HZ)
    time_s = seconds(count)
    scoop = np.exp(time_s * np.float32(-1 / 0.05)) * np.float32(hertz * 0.05 * 0.045)
    phase = phase_of(hertz, count, vibrato(hertz, count, 22.0, 5.1) + scoop)
    opening = np.exp(time_s * np.float32(-1 / 0.07))
    lips = _vowel_table("ə" if vowel in "aeo" else "u", hertz)
    voiced = read(_vowel_table(vowel, hertz), phase) * (1 - opening) + read(lips, phase) * opening
    envelope = np.clip(time_s / np.float32(0.03), 0, 1)
    envelope[held:] *= np.linspace(1, 0, count - held, dtype=np.float32)
    voice = voiced * envelope * np.float32(1.6) + white_noise()[:count] * envelope * np.float32(0.006)
    if consonant and consonant in HISSING:
        length = min(count, int(0.09 * RATE_HZ))
        voice[:length] = voice[:length] * np.linspace(0, 1, length, dtype=np.float32)
        voice[:length] += hiss()[:length] * np.hanning(length).astype(np.float32) * np.float32(0.22)
    elif consonant and consonant in BURSTING:
        length = min(count, int(0.03 * RATE_HZ))
        voice[:length] = hiss()[:length] * np.exp(time_s[:length] * np.float32(-1 / 0.007)) * np.float32(0.35)
    mono = voice.astype(np.float32)
    return np.stack((mono, mono))


def _vowel_table(vowel: str, hertz: float) -> NDArray[np.float32]:
    count = max(1, min(HARMONICS_MAX, int(6000 / hertz)))
    loudness = []
    for k in range(1, count + 1):
        formants = sum(
            gain * math.exp(-(((k * hertz - centre) / (90 + centre * 0.06)) ** 2))
            for centre, gain in VOWELS[vowel]
        )
        loudness.append((formants + 0.03) / k**0.35)
    return wave_table(tuple(loudness))
