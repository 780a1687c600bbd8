"""Synthesise notes as stereo samples: wave tables, envelopes, vibrato and noise."""

import math
from dataclasses import dataclass
from functools import lru_cache

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


@dataclass(frozen=True)
class Timbre:
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


def seconds(count: int) -> NDArray[np.float32]:
    """Return the times of `count` samples, in seconds."""
    return np.arange(count, dtype=np.float32) / np.float32(RATE_HZ)


@lru_cache(maxsize=512)
def wave_table(loudness: tuple[float, ...]) -> NDArray[np.float32]:
    """Return one period of a wave with these harmonics, normalised to equal power."""
    spectrum = np.zeros(2 ** (TABLE_BITS - 1) + 1, dtype=np.complex128)
    harmonics = np.arange(1, len(loudness) + 1)
    # Scattered phases keep the peak low. With all harmonics in phase, a sawtooth has one sharp spike.
    spectrum[1 : len(loudness) + 1] = np.array(loudness) * np.exp(1j * harmonics * harmonics * 0.7)
    wave = np.fft.irfft(spectrum)
    return np.asarray(wave * (0.3 / np.sqrt(np.mean(wave**2))), np.float32)


def _harmonics(voice: Timbre, hertz: float, tilt: float) -> tuple[float, ...]:
    count = max(1, min(HARMONICS_MAX, int(HARMONIC_MAX_HZ / hertz)))
    if voice.partials:
        return tuple(loudness * k ** (1 - tilt) for k, loudness in enumerate(voice.partials[:count], start=1))
    step = 2 if voice.odd_only else 1
    return tuple(k**-tilt if (k - 1) % step == 0 else 0.0 for k in range(1, count + 1))


def phase_of(hertz: float, count: int, sway: NDArray[np.float32] | None) -> NDArray[np.uint32]:
    """Return the integer phase of each sample, plus `sway` in periods."""
    turn = 2**PHASE_BITS
    phase = np.arange(count, dtype=np.uint32) * np.uint32(int(hertz / RATE_HZ * turn) % turn)
    if sway is not None:
        phase += (sway * np.float32(2**20)).astype(np.int32).astype(np.uint32) << np.uint32(PHASE_BITS - 20)
    return phase


def read(table: NDArray[np.float32], phase: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return the values of a wave table at these phases."""
    wave: NDArray[np.float32] = table[phase >> np.uint32(PHASE_BITS - TABLE_BITS)]
    return wave


def vibrato(hertz: float, count: int, cents: float, rate_hz: float = 5.4) -> NDArray[np.float32]:
    """Return the phase that vibrato adds, in periods. It sets in late, like a player's."""
    time_s = seconds(count)
    depth = hertz * cents / CENTS_PER_OCTAVE * math.log(2) / (2 * math.pi * rate_hz)
    late = np.clip((time_s - np.float32(0.15)) / np.float32(0.4), 0, 1)
    return np.asarray(late * depth * np.sin(time_s * np.float32(2 * math.pi * rate_hz)), np.float32)


def _envelope(voice: Timbre, held: int, count: int) -> NDArray[np.float32]:
    time_s = seconds(count)
    envelope = voice.sustain + (1 - voice.sustain) * np.exp(time_s * np.float32(-1 / voice.decay_s))
    attack = min(held, max(1, int(voice.attack_s * RATE_HZ)))
    envelope[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
    envelope[held:] *= np.linspace(1, 0, count - held, dtype=np.float32) ** 2
    return np.asarray(envelope, np.float32)


def note(voice: Timbre, hertz: float, held_s: float, brightness: float = 1.0) -> Samples:
    """Synthesise one note of `held_s` seconds plus release.

    Voices of the same gain are about equally loud. `brightness` above 1 adds harmonics, below 1 removes
    them.
    """
    held = max(1, int(held_s * RATE_HZ))
    count = held + max(1, int(voice.release_s * RATE_HZ))
    dull = wave_table(_harmonics(voice, hertz, voice.tilt * 0.85 / brightness))
    bright = wave_table(_harmonics(voice, hertz, max(0.35, voice.tilt * 0.85 - 0.7) / brightness))
    envelope = _envelope(voice, held, count)
    fading = np.float32(voice.sparkle) * np.exp(seconds(count) * np.float32(-1 / voice.sparkle_s)) * envelope
    sway = vibrato(hertz, count, voice.vibrato_cents) if voice.vibrato_cents else None
    spread = 2 ** (voice.width_cents / 2 / CENTS_PER_OCTAVE)
    sides = []
    for side_hertz in (hertz / spread, hertz * spread) if voice.width_cents else (hertz,):
        phase = phase_of(side_hertz, count, sway)
        side = read(dull, phase) * envelope + read(bright, phase) * fading
        if voice.breath:
            side += white_noise()[:count] * envelope * np.float32(voice.breath)
        if voice.drive:
            side = np.tanh(side * np.float32(voice.drive))
        sides.append(side * np.float32(voice.gain))
    return np.stack((sides[0], sides[-1]))


@lru_cache(maxsize=1)
def white_noise() -> NDArray[np.float32]:
    """Return ten seconds of white noise, the same in every song. Read-only."""
    noise = np.random.default_rng(1).uniform(-1, 1, 10 * RATE_HZ).astype(np.float32)
    noise.flags.writeable = False
    return noise


@lru_cache(maxsize=1)
def hiss() -> NDArray[np.float32]:
    """Return ten seconds of noise without its low frequencies. Read-only."""
    hiss = (np.diff(white_noise(), prepend=np.float32(0)) * np.float32(0.7)).astype(np.float32)
    hiss.flags.writeable = False
    return hiss
