import numpy as np
import pytest

from bot.sandbox import mp3
from bot.sandbox.synthesis import RATE_HZ
from tests.unit.sandbox.listening import Frames, frames, heard


def test_an_mp3_lasts_as_long_as_its_song() -> None:
    song = heard("happy pop")

    heads = frames(mp3.encode(song.samples, RATE_HZ))
    assert (44_100, 192) == (heads.rate_hz, heads.kilobits_per_s)
    assert heads.duration_s == pytest.approx(song.duration_s, abs=0.1)


def test_a_title_is_written_into_a_tag() -> None:
    silence = np.zeros((2, RATE_HZ // 10), np.float32)

    encoded = mp3.encode(silence, RATE_HZ, "Neon Rain ♪")
    assert encoded.startswith(b"ID3\x03")
    assert "Neon Rain ♪".encode("utf-16") in encoded
    assert frames(mp3.encode(silence, RATE_HZ)) == frames(encoded)


def test_a_long_title_keeps_the_sound_where_the_tag_says_it_is() -> None:
    silence = np.zeros((2, RATE_HZ // 10), np.float32)

    assert isinstance(frames(mp3.encode(silence, RATE_HZ, "ÿ" * 200)), Frames)


def test_without_a_title_sound_begins_at_once() -> None:
    encoded = mp3.encode(np.zeros((2, RATE_HZ // 10), np.float32), RATE_HZ)

    assert b"\xff\xfb" == encoded[:2]
