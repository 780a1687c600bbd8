import numpy as np
import pytest

from bot.sandbox.composer import compose
from bot.sandbox.drums import drum
from bot.sandbox.instruments import VOICES
from bot.sandbox.singing import _syllables
from bot.sandbox.styles import DRUMS, STYLES
from bot.sandbox.vocabulary import STYLE_WORDS, style_named
from tests.unit.sandbox.listening import brightness_hz, heard, loudest_tone, loudness_by_second

LYRICS = "[Verse]\nCity lights and midnight rain\nI keep running from the day\n[Chorus]\nNeon rain is falling"


def test_the_same_words_make_the_same_music() -> None:
    again = compose("happy pop", instrumental=True)

    assert np.array_equal(heard("happy pop").samples, again.samples)


def test_other_words_in_the_same_style_make_other_music() -> None:
    first, second = heard("happy pop"), heard("sad pop")

    assert first.style == second.style
    assert not np.array_equal(first.samples, second.samples)


def test_two_takes_share_style_and_mode_and_differ_in_tempo_and_key() -> None:
    first, second = heard("synthwave"), heard("synthwave", take=2)

    assert (first.style, first.key.split()[1]) == (second.style, second.key.split()[1])
    assert first.tempo_bpm != second.tempo_bpm
    assert first.key != second.key


@pytest.mark.parametrize("style", STYLES)
def test_every_style_yields_complete_music(style: str) -> None:
    song = heard(style)

    assert style == song.style
    assert 20 <= song.duration_s <= 40
    assert 0.8 < np.abs(song.samples).max() < 1
    assert loudest_tone(song.samples) < 0.2
    loudness = loudness_by_second(song.samples)
    assert sum(second < 0.01 for second in loudness) <= 3
    assert loudness[-1] < max(loudness) / 4
    assert not np.array_equal(song.samples[0], song.samples[1])


@pytest.mark.parametrize("words", ["", "数え歌 ♪"])
def test_any_words_make_music(words: str) -> None:
    song = heard(words)

    assert 20 <= song.duration_s <= 40


def test_sad_music_is_slower_than_happy_music() -> None:
    assert heard("sad pop").tempo_bpm < heard("happy pop").tempo_bpm
    assert heard("sad pop").key.endswith("minor")
    assert heard("happy pop").key.endswith("major")


def test_metal_is_brighter_than_a_lullaby() -> None:
    assert brightness_hz(heard("metal").samples) > 2 * brightness_hz(heard("lullaby").samples)


def test_lyrics_are_sung_unless_the_song_is_instrumental() -> None:
    sung = heard("acoustic folk", lyrics=LYRICS, instrumental=False)
    played = heard("acoustic folk", lyrics=LYRICS)

    assert (True, False) == (sung.sung, played.sung)
    assert not np.array_equal(sung.samples, played.samples)


def test_five_thousand_characters_of_lyrics_still_make_a_short_song() -> None:
    song = heard("rock", lyrics="never ending words " * 263, instrumental=False)

    assert 20 <= song.duration_s <= 40


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        ("city", ["ci", "ty"]),
        ("midnight", ["mid", "night"]),
        ("rain", ["rain"]),
        ("falling", ["fal", "ling"]),
        ("lane", ["lane"]),
        ("yes", ["yes"]),
        ("мелодия", ["ме", "ло", "дия"]),
        ("歌声", ["歌", "声"]),
        ("hmm", ["hmm"]),
    ],
)
def test_words_fall_into_syllables(word: str, syllables: list[str]) -> None:
    assert syllables == _syllables(word)


def test_the_second_style_named_lends_its_drums() -> None:
    name, style = style_named("cinematic synth pop with a flute", "pop")

    assert ("cinematic", STYLES["synthwave"].drums, ("flute",)) == (name, style.drums, style.leads)


def test_the_tables_only_name_existing_parts() -> None:
    voices = {voice for style in STYLES.values() for voice in (style.chords, style.bass, *style.leads)}
    pads = {style.pad for style in STYLES.values() if style.pad}
    drums = {name for pattern in DRUMS.values() for name in pattern}

    assert voices | pads <= VOICES.keys()
    assert {style.drums for style in STYLES.values()} <= DRUMS.keys()
    assert set(STYLE_WORDS.values()) <= STYLES.keys()
    assert all(2 == drum(name).shape[0] for name in drums)
