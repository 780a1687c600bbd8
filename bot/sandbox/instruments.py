"""Synthesise notes, sung syllables and drum hits as stereo samples."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 44_100

Samples = NDArray[np.float32]
"""Stereo samples of shape (2, n): row 0 is left, row 1 is right. One second has RATE_HZ columns."""

# Wave tables have 2**12 entries: the upper 12 bits of a 32-bit phase are the index, and overflow wraps it.
TABLE_BITS = 12
PHASE_BITS = 32
HARMONIC_MAX_HZ = 13_000.0
"""Highest harmonic synthesised. Above it, an mp3 loses harmonics first, and they might alias."""
HARMONICS_MAX = 96
CENTS_PER_OCTAVE = 1200

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


@dataclass(frozen=True)
class Voice:
    """How an instrument sounds: a dull wave table that lasts, and a bright one that decays."""

    tilt: float
    """Harmonic k has the loudness 1 / k**tilt: 1 is a sawtooth, 3 is almost a sine."""
    odd_only: bool = False
    """Whether even harmonics are missing (clarinet, square wave)."""
    partials: tuple[float, ...] = ()
    """Loudness of the first harmonics, in place of the tilt (bells, organs)."""
    attack_s: float = 0.005
    decay_s: float = 1.0
    sustain: float = 0.0
    """Share of the loudness that remains while the note is held."""
    release_s: float = 0.12
    sparkle: float = 0.6
    """Loudness of the bright table at the start of a note."""
    sparkle_s: float = 0.15
    width_cents: float = 0.0
    """Detuning between left and right, which is heard as stereo width."""
    vibrato_cents: float = 0.0
    drive: float = 0.0
    """Amount of distortion; 0 is clean."""
    breath: float = 0.0
    """Share of noise, for wind instruments."""
    gain: float = 1.0


VOICES = {
    "bass finger": Voice(2.0, decay_s=0.9, sustain=0.15, sparkle=0.5, sparkle_s=0.06, gain=1.25),
    "bass sub": Voice(3.2, attack_s=0.02, decay_s=2.0, sustain=0.6, release_s=0.2, sparkle=0.1, gain=1.3),
    "bass synth": Voice(1.1, decay_s=0.4, sustain=0.4, sparkle=0.8, sparkle_s=0.12, width_cents=6, gain=0.9),
    "bass upright": Voice(2.3, decay_s=0.6, sparkle=0.7, sparkle_s=0.04, gain=1.4),
    "bells": Voice(
        1.0, partials=(1, 0, 0.05, 0.5, 0, 0, 0, 0, 0, 0.25), decay_s=0.9, release_s=0.8, gain=0.8
    ),
    "brass": Voice(
        1.3,
        attack_s=0.06,
        decay_s=0.5,
        sustain=0.75,
        sparkle=0.5,
        sparkle_s=0.5,
        width_cents=7,
        vibrato_cents=8,
    ),
    "chip": Voice(
        1.0, odd_only=True, attack_s=0.002, decay_s=0.3, sustain=0.5, release_s=0.03, sparkle=0.4, gain=0.7
    ),
    "choir": Voice(
        1.7,
        attack_s=0.25,
        decay_s=2.0,
        sustain=0.9,
        release_s=0.5,
        sparkle=0.05,
        width_cents=14,
        vibrato_cents=12,
        breath=0.02,
        gain=0.8,
    ),
    "clarinet": Voice(
        1.5,
        odd_only=True,
        attack_s=0.04,
        decay_s=1.0,
        sustain=0.8,
        sparkle=0.1,
        vibrato_cents=7,
        breath=0.02,
        gain=0.9,
    ),
    "distorted guitar": Voice(
        1.2,
        attack_s=0.004,
        decay_s=1.6,
        sustain=0.35,
        release_s=0.05,
        sparkle=0.5,
        width_cents=10,
        drive=5.0,
        gain=0.55,
    ),
    "electric piano": Voice(
        1.0,
        partials=(1, 0.28, 0.06, 0.1, 0.02),
        decay_s=1.1,
        release_s=0.25,
        sparkle=0.5,
        sparkle_s=0.08,
        width_cents=3,
    ),
    "flute": Voice(2.6, attack_s=0.05, decay_s=1.0, sustain=0.85, sparkle=0.1, vibrato_cents=14, breath=0.06),
    "guitar": Voice(1.7, decay_s=0.8, release_s=0.25, sparkle=1.0, sparkle_s=0.09, width_cents=3),
    "music box": Voice(1.0, partials=(1, 0.1, 0, 0.35, 0, 0.12), decay_s=0.7, release_s=0.7, sparkle=0.3),
    "organ": Voice(
        1.0,
        partials=(1, 0.7, 0.4, 0.45, 0, 0.2, 0, 0.25),
        attack_s=0.01,
        decay_s=1.0,
        sustain=0.9,
        sparkle=0.1,
        width_cents=5,
        vibrato_cents=6,
        gain=0.6,
    ),
    "pad": Voice(
        1.5,
        attack_s=0.35,
        decay_s=3.0,
        sustain=0.85,
        release_s=0.7,
        sparkle=0.25,
        sparkle_s=1.2,
        width_cents=16,
        gain=0.8,
    ),
    "piano": Voice(1.8, decay_s=1.1, release_s=0.3, sparkle=0.9, sparkle_s=0.18, width_cents=2, gain=1.05),
    "pluck": Voice(1.1, decay_s=0.35, release_s=0.2, sparkle=1.0, sparkle_s=0.1, width_cents=8, gain=0.85),
    "saw lead": Voice(
        1.15,
        attack_s=0.015,
        decay_s=0.6,
        sustain=0.7,
        sparkle=0.6,
        sparkle_s=0.2,
        width_cents=12,
        vibrato_cents=9,
        gain=0.75,
    ),
    "saxophone": Voice(
        1.25,
        attack_s=0.045,
        decay_s=0.7,
        sustain=0.75,
        sparkle=0.4,
        sparkle_s=0.25,
        vibrato_cents=13,
        breath=0.05,
        drive=0.8,
        gain=0.8,
    ),
    "strings": Voice(
        1.25,
        attack_s=0.16,
        decay_s=2.0,
        sustain=0.9,
        release_s=0.45,
        sparkle=0.2,
        sparkle_s=0.6,
        width_cents=13,
        vibrato_cents=8,
        gain=0.75,
    ),
    "violin": Voice(
        1.15, attack_s=0.08, decay_s=1.5, sustain=0.9, release_s=0.25, sparkle=0.2, vibrato_cents=18, gain=0.7
    ),
}


def seconds(count: int) -> NDArray[np.float32]:
    """Return the times of `count` samples, in seconds."""
    return np.arange(count, dtype=np.float32) / np.float32(RATE_HZ)


@lru_cache(maxsize=512)
def _table(loudness: tuple[float, ...]) -> NDArray[np.float32]:
    """Return one period of a wave with these harmonics, normalised to equal power."""
    spectrum = np.zeros(2 ** (TABLE_BITS - 1) + 1, dtype=np.complex128)
    harmonics = np.arange(1, len(loudness) + 1)
    # Scattered phases keep the peak low. With all harmonics in phase, a sawtooth has one sharp spike.
    spectrum[1 : len(loudness) + 1] = np.array(loudness) * np.exp(1j * harmonics * harmonics * 0.7)
    wave = np.fft.irfft(spectrum)
    return np.asarray(wave * (0.3 / np.sqrt(np.mean(wave**2))), np.float32)


def _harmonics(voice: Voice, hertz: float, tilt: float) -> tuple[float, ...]:
    count = max(1, min(HARMONICS_MAX, int(HARMONIC_MAX_HZ / hertz)))
    if voice.partials:
        return tuple(loudness * k ** (1 - tilt) for k, loudness in enumerate(voice.partials[:count], start=1))
    step = 2 if voice.odd_only else 1
    return tuple(k**-tilt if (k - 1) % step == 0 else 0.0 for k in range(1, count + 1))


def _phase(hertz: float, count: int, sway: NDArray[np.float32] | None) -> NDArray[np.uint32]:
    """Return the integer phase of each sample, plus `sway` in periods."""
    turn = 2**PHASE_BITS
    phase = np.arange(count, dtype=np.uint32) * np.uint32(int(hertz / RATE_HZ * turn) % turn)
    if sway is not None:
        phase += (sway * np.float32(2**20)).astype(np.int32).astype(np.uint32) << np.uint32(PHASE_BITS - 20)
    return phase


def _read(table: NDArray[np.float32], phase: NDArray[np.uint32]) -> NDArray[np.float32]:
    wave: NDArray[np.float32] = table[phase >> np.uint32(PHASE_BITS - TABLE_BITS)]
    return wave


def _sway(hertz: float, count: int, cents: float, rate_hz: float = 5.4) -> NDArray[np.float32]:
    """Return the phase that vibrato adds, in periods. It sets in late, like a player's."""
    time_s = seconds(count)
    depth = hertz * cents / CENTS_PER_OCTAVE * math.log(2) / (2 * math.pi * rate_hz)
    late = np.clip((time_s - np.float32(0.15)) / np.float32(0.4), 0, 1)
    return np.asarray(late * depth * np.sin(time_s * np.float32(2 * math.pi * rate_hz)), np.float32)


def _envelope(voice: Voice, held: int, count: int) -> NDArray[np.float32]:
    time_s = seconds(count)
    envelope = voice.sustain + (1 - voice.sustain) * np.exp(time_s * np.float32(-1 / voice.decay_s))
    attack = min(held, max(1, int(voice.attack_s * RATE_HZ)))
    envelope[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
    envelope[held:] *= np.linspace(1, 0, count - held, dtype=np.float32) ** 2
    return np.asarray(envelope, np.float32)


def note(voice: Voice, hertz: float, held_s: float, brightness: float = 1.0) -> Samples:
    """Synthesise one note of `held_s` seconds plus release.

    Voices of the same gain are about equally loud. `brightness` above 1 adds harmonics, below 1 removes
    them.
    """
    held = max(1, int(held_s * RATE_HZ))
    count = held + max(1, int(voice.release_s * RATE_HZ))
    dull = _table(_harmonics(voice, hertz, voice.tilt * 0.85 / brightness))
    bright = _table(_harmonics(voice, hertz, max(0.35, voice.tilt * 0.85 - 0.7) / brightness))
    envelope = _envelope(voice, held, count)
    fading = np.float32(voice.sparkle) * np.exp(seconds(count) * np.float32(-1 / voice.sparkle_s)) * envelope
    sway = _sway(hertz, count, voice.vibrato_cents) if voice.vibrato_cents else None
    spread = 2 ** (voice.width_cents / 2 / CENTS_PER_OCTAVE)
    sides = []
    for side_hertz in (hertz / spread, hertz * spread) if voice.width_cents else (hertz,):
        phase = _phase(side_hertz, count, sway)
        side = _read(dull, phase) * envelope + _read(bright, phase) * fading
        if voice.breath:
            side += _noise()[:count] * envelope * np.float32(voice.breath)
        if voice.drive:
            side = np.tanh(side * np.float32(voice.drive))
        sides.append(side * np.float32(voice.gain))
    return np.stack((sides[0], sides[-1]))


def _vowel_table(vowel: str, hertz: float) -> NDArray[np.float32]:
    count = max(1, min(HARMONICS_MAX, int(6000 / hertz)))
    loudness = []
    for k in range(1, count + 1):
        formants = sum(
            gain * math.exp(-(((k * hertz - centre) / (90 + centre * 0.06)) ** 2))
            for centre, gain in VOWELS[vowel]
        )
        loudness.append((formants + 0.03) / k**0.35)
    return _table(tuple(loudness))


def sung(consonant: str, vowel: str, hertz: float, held_s: float) -> Samples:
    """Synthesise a syllable: a consonant (one letter or none), then a vowel for `held_s` seconds."""
    held = max(1, int(held_s * RATE_HZ))
    count = held + int(0.06 * RATE_HZ)
    time_s = seconds(count)
    scoop = np.exp(time_s * np.float32(-1 / 0.05)) * np.float32(hertz * 0.05 * 0.045)
    phase = _phase(hertz, count, _sway(hertz, count, 22.0, 5.1) + scoop)
    opening = np.exp(time_s * np.float32(-1 / 0.07))
    lips = _vowel_table("ə" if vowel in "aeo" else "u", hertz)
    voiced = _read(_vowel_table(vowel, hertz), phase) * (1 - opening) + _read(lips, phase) * opening
    envelope = np.clip(time_s / np.float32(0.03), 0, 1)
    envelope[held:] *= np.linspace(1, 0, count - held, dtype=np.float32)
    voice = voiced * envelope * np.float32(1.6) + _noise()[:count] * envelope * np.float32(0.006)
    if consonant and consonant in HISSING:
        length = min(count, int(0.09 * RATE_HZ))
        voice[:length] = voice[:length] * np.linspace(0, 1, length, dtype=np.float32)
        voice[:length] += _hiss()[:length] * np.hanning(length).astype(np.float32) * np.float32(0.22)
    elif consonant and consonant in BURSTING:
        length = min(count, int(0.03 * RATE_HZ))
        voice[:length] = (
            _hiss()[:length] * np.exp(time_s[:length] * np.float32(-1 / 0.007)) * np.float32(0.35)
        )
    mono = voice.astype(np.float32)
    return np.stack((mono, mono))


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.float32]:
    """Return ten seconds of white noise, the same in every song. Read-only."""
    noise = np.random.default_rng(1).uniform(-1, 1, 10 * RATE_HZ).astype(np.float32)
    noise.flags.writeable = False
    return noise


@lru_cache(maxsize=1)
def _hiss() -> NDArray[np.float32]:
    """Return ten seconds of noise without its low frequencies. Read-only."""
    hiss = (np.diff(_noise(), prepend=np.float32(0)) * np.float32(0.7)).astype(np.float32)
    hiss.flags.writeable = False
    return hiss


def _fall(count: int, time_s: float) -> NDArray[np.float32]:
    return np.asarray(np.exp(seconds(count) * np.float32(-1 / time_s)), np.float32)


def _sweep(low_hz: float, rise_hz: float, fall_s: float, count: int) -> NDArray[np.float32]:
    """Return a sine that falls from `low_hz + rise_hz` to `low_hz`, like a drum skin."""
    hertz = low_hz + rise_hz * _fall(count, fall_s)
    turns = np.cumsum(hertz, dtype=np.float64) / RATE_HZ
    return np.asarray(np.sin(turns * 2 * math.pi), np.float32)


@lru_cache(maxsize=32)
def drum(name: str) -> Samples:
    """Return one hit of a drum, peak about 1. Read-only.

    Names are the keys of the patterns in `styles`.
    """
    build, length_s = _DRUMS[name]
    mono = build(int(length_s * RATE_HZ))
    hit = np.stack((mono, mono)).astype(np.float32)
    hit.flags.writeable = False
    return hit


def _kick(count: int) -> NDArray[np.float32]:
    return _sweep(46, 120, 0.035, count) * _fall(count, 0.13) + _hiss()[:count] * _fall(count, 0.004) * 0.3


def _snare(count: int) -> NDArray[np.float32]:
    rattle = _hiss()[:count] * _fall(count, 0.075) * 0.8
    return rattle + _sweep(180, 60, 0.02, count) * _fall(count, 0.06) * 0.5


def _brush(count: int) -> NDArray[np.float32]:
    rise = np.minimum(seconds(count) / np.float32(0.02), np.float32(1))
    return np.asarray(_hiss()[:count] * _fall(count, 0.08) * rise * 0.4, np.float32)


def _clap(count: int) -> NDArray[np.float32]:
    """Return the sound of several hands, a hundredth of a second apart."""
    mono = _hiss()[:count] * _fall(count, 0.07) * 0.5
    for offset_s in (0.011, 0.022):
        start = int(offset_s * RATE_HZ)
        mono[start:] += _hiss()[: count - start] * _fall(count - start, 0.012)
    return mono


def _cymbal(count: int, fall_s: float, loudness: float) -> NDArray[np.float32]:
    sizzle: NDArray[np.float32] = np.diff(_hiss()[: count + 1])
    return sizzle * _fall(count, fall_s) * np.float32(loudness)


def _shaker(count: int) -> NDArray[np.float32]:
    return _cymbal(count, 10, 0.35) * np.hanning(count).astype(np.float32)


def _ride(count: int) -> NDArray[np.float32]:
    time_s = seconds(count)
    ring = np.zeros(count, np.float32)
    for hertz in (3170, 4430, 5890, 7350):
        ring += np.sin(time_s * np.float32(2 * math.pi * hertz))
    return ring * _fall(count, 0.2) * np.float32(0.08) + _cymbal(count, 0.2, 0.3)


def _tom(count: int) -> NDArray[np.float32]:
    return _sweep(72, 50, 0.06, count) * _fall(count, 0.2) + _hiss()[:count] * _fall(count, 0.02) * 0.2


_DRUMS: dict[str, tuple[Callable[[int], NDArray[np.float32]], float]] = {
    "kick": (_kick, 0.4),
    "snare": (_snare, 0.35),
    "brush": (_brush, 0.3),
    "clap": (_clap, 0.3),
    "hat": (partial(_cymbal, fall_s=0.022, loudness=0.6), 0.12),
    "open hat": (partial(_cymbal, fall_s=0.12, loudness=0.5), 0.4),
    "shaker": (_shaker, 0.15),
    "ride": (_ride, 0.7),
    "crash": (partial(_cymbal, fall_s=0.5, loudness=0.6), 1.8),
    "tom": (_tom, 0.7),
}
"""The function that synthesises a number of samples of each drum, and how long it rings, in seconds."""
