"""Synthesise drum hits."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.sandbox.synthesis import RATE_HZ, Samples, hiss, seconds

LENGTHS_S = {
    "kick": 0.4,
    "snare": 0.35,
    "brush": 0.3,
    "clap": 0.3,
    "hat": 0.12,
    "open hat": 0.4,
    "shaker": 0.15,
    "ride": 0.7,
    "crash": 1.8,
    "tom": 0.7,
}
"""Time that each drum rings, in seconds."""


@lru_cache(maxsize=32)
def drum(name: str) -> Samples:
    """Return one hit of a drum, peak about 1. Read-only.

    Names are the keys of the patterns in `styles`.
    """
    mono = _hit(name, int(LENGTHS_S[name] * RATE_HZ))
    hit = np.stack((mono, mono)).astype(np.float32)
    hit.flags.writeable = False
    return hit


def _hit(name: str, count: int) -> NDArray[np.float32]:
    """Synthesise a number of samples of a drum."""
    match name:
        case "kick":
            return _kick(count)
        case "snare":
            return _snare(count)
        case "brush":
            return _brush(count)
        case "clap":
            return _clap(count)
        case "hat":
            return _cymbal(count, fall_s=0.022, loudness=0.6)
        case "open hat":
            return _cymbal(count, fall_s=0.12, loudness=0.5)
        case "shaker":
            return _shaker(count)
        case "ride":
            return _ride(count)
        case "crash":
            return _cymbal(count, fall_s=0.5, loudness=0.6)
        case "tom":
            return _tom(count)
        case _:
            raise KeyError(name)


def _fall(count: int, time_s: float) -> NDArray[np.float32]:
    return np.asarray(np.exp(seconds(count) * np.float32(-1 / time_s)), np.float32)


def _sweep(low_hz: float, rise_hz: float, fall_s: float, count: int) -> NDArray[np.float32]:
    """Return a sine that falls from `low_hz + rise_hz` to `low_hz`, like a drum skin."""
    hertz = low_hz + rise_hz * _fall(count, fall_s)
    turns = np.cumsum(hertz, dtype=np.float64) / RATE_HZ
    return np.asarray(np.sin(turns * 2 * math.pi), np.float32)


def _kick(count: int) -> NDArray[np.float32]:
    return _sweep(46, 120, 0.035, count) * _fall(count, 0.13) + hiss()[:count] * _fall(count, 0.004) * 0.3


def _snare(count: int) -> NDArray[np.float32]:
    rattle = hiss()[:count] * _fall(count, 0.075) * 0.8
    return rattle + _sweep(180, 60, 0.02, count) * _fall(count, 0.06) * 0.5


def _brush(count: int) -> NDArray[np.float32]:
    rise = np.minimum(seconds(count) / np.float32(0.02), np.float32(1))
    return np.asarray(hiss()[:count] * _fall(count, 0.08) * rise * 0.4, np.float32)


def _clap(count: int) -> NDArray[np.float32]:
    """Return the sound of several hands, a hundredth of a second apart."""
    mono = hiss()[:count] * _fall(count, 0.07) * 0.5
    for offset_s in (0.011, 0.022):
        start = int(offset_s * RATE_HZ)
        mono[start:] += hiss()[: count - start] * _fall(count - start, 0.012)
    return mono


def _cymbal(count: int, fall_s: float, loudness: float) -> NDArray[np.float32]:
    sizzle: NDArray[np.float32] = np.diff(hiss()[: count + 1])
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
    return _sweep(72, 50, 0.06, count) * _fall(count, 0.2) + hiss()[:count] * _fall(count, 0.02) * 0.2
