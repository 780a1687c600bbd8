"""Names of attached files distinguish songs in every script, and are valid on every system."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ui.file_names import TITLE_CHARS_MAX, TITLE_MAX_BYTES, file_name, take_of

SUFFIX = "-1.mp3"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Neon Rain", "neon-rain-1.mp3"),
        ("内山", "内山-1.mp3"),
        ("夜の雨", "夜の雨-1.mp3"),
        ("Straße", "strasse-1.mp3"),
        ("STRASSE", "strasse-1.mp3"),
        ("Łódź", "lodz-1.mp3"),
        ("Ærø", "aero-1.mp3"),
        ("Été à Paris", "ete-a-paris-1.mp3"),
        ("Ёлка, йога", "ёлка-йога-1.mp3"),
        ("เพลงรัก", "เพลงรัก-1.mp3"),
        ("शक्ति", "शक्ति-1.mp3"),
        ("שלום עולם", "שלום-עולם-1.mp3"),
        ("ガ", "ガ-1.mp3"),
        ("한글", "한글-1.mp3"),
        ("../../etc/passwd", "etc-passwd-1.mp3"),
        (r"C:\Windows\system32", "c-windows-system32-1.mp3"),
        ("CON", "song-1.mp3"),
        ("nul", "song-1.mp3"),
        ("name...", "name-1.mp3"),
        ("SPOILER_Rain", "spoiler-rain-1.mp3"),
        ("a\u202egnp.exe", "a-gnp-exe-1.mp3"),
        ("\u3164\u115f\u200b", "song-1.mp3"),
        ("🎵🎵", "song-1.mp3"),
        ("❤️ you", "you-1.mp3"),
        ("", "song-1.mp3"),
        ("x" * 200, "x" * 40 + SUFFIX),
        ("雨" * 200, "雨" * 40 + SUFFIX),
        ("𠮷" * 200, "𠮷" * 30 + SUFFIX),
        ("я" + "\u0301" * 50, "я" + "\u0301" * 4 + SUFFIX),
    ],
)
def test_a_file_is_named_after_its_song(title: str, name: str) -> None:
    assert name == file_name(title, 1, ".mp3")


def test_a_name_is_cut_between_graphemes() -> None:
    title = "क्ति" * 30

    name = file_name(title, 1, ".mp3").removesuffix(SUFFIX)

    assert name == "क्ति" * (len(name) // len("क्ति"))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=120))
def test_every_title_makes_a_safe_name(title: str) -> None:
    name = file_name(title, 1, ".mp3")

    slug = name.removesuffix(SUFFIX)
    assert name == slug + SUFFIX
    assert 0 < len(slug.encode()) <= TITLE_MAX_BYTES
    assert "" == "".join(c for c in slug if c != "-" and unicodedata.category(c)[0] not in "LMN")
    assert not slug.startswith("-")
    assert not slug.endswith("-")
    assert TITLE_CHARS_MAX >= sum(not unicodedata.combining(c) for c in slug if c.isascii())


@given(title=st.text(), take=st.integers(1, 4), ending=st.sampled_from([".mp3", ".wav", ".m4a"]))
def test_a_file_name_reveals_its_take(title: str, take: int, ending: str) -> None:
    assert take == take_of(file_name(title, take, ending))


@pytest.mark.parametrize("name", ["song.mp3", "1.mp3", "song-1", "song-12.mp3", "song-1.MP3!", ""])
def test_a_foreign_file_name_reveals_no_take(name: str) -> None:
    assert None is take_of(name)
