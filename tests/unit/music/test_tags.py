"""Tags precede the audio, and the audio is unchanged."""

import itertools
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.music import tags
from bot.music.formats import ending_of
from bot.music.tags import PICTURE_MAX_BYTES, Tags, id3, tagged, without_words

AUDIO = (b"\xff\xfb\x90\x00" + bytes(range(1, 256)) + bytes(158)) * 12
JPEG = b"\xff\xd8\xff\xe0" + bytes(500)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(300)
ROOM = 1 << 30
FULL = Tags(
    title="Straße 内山",
    artist="Tunesmith",
    genre="city pop",
    lyrics="one\ntwo",
    comment="Made with AI, model V5",
    track="1/2",
    picture=JPEG,
)


def frames(tag: bytes) -> dict[str, bytes]:
    """Read a plain ID3v2.4 tag independently, strictly by its specification."""
    assert b"ID3\x04\x00\x00" == tag[:6]
    size = sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
    body, found = tag[10 : 10 + size], {}
    while body:
        length = sum((byte & 0x7F) << shift for byte, shift in zip(body[4:8], (21, 14, 7, 0), strict=True))
        assert b"\x00\x00" == body[8:10]
        found[body[:4].decode()] = body[10 : 10 + length]
        body = body[10 + length :]
    return found


def sent(path: Path, said: Tags, max_bytes: int = ROOM) -> bytes | None:
    copy = tagged(path, said, max_bytes)
    if copy is None:
        return None
    with copy:
        return copy.read()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "42-1.mp3"
    path.write_bytes(AUDIO)
    return path


def foreign(version: int, content: bytes) -> bytes:
    """Return a tag as another program writes it."""
    size = bytes(len(content) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + size + content


def apic(picture: bytes, *, encoding: int = 0, description: bytes = b"\x00") -> bytes:
    content = bytes([encoding]) + b"image/x\x00\x03" + description + picture
    return b"APIC" + struct.pack(">I", len(content)) + b"\x00\x00" + content


def test_a_tag_contains_what_a_player_shows() -> None:
    found = frames(id3(FULL))

    assert {
        "TIT2": b"\x03" + "Straße 内山".encode(),
        "TPE1": b"\x03Tunesmith",
        "TCON": b"\x03city pop",
        "TRCK": b"\x031/2",
        "USLT": b"\x03XXX\x00one\ntwo",
        "COMM": b"\x03eng\x00Made with AI, model V5",
        "APIC": b"\x03image/jpeg\x00\x03\x00" + JPEG,
    } == found


def test_the_audio_follows_byte_for_byte_and_the_file_stays(song: Path) -> None:
    content = sent(song, FULL)

    assert id3(FULL) + AUDIO == content
    assert AUDIO == song.read_bytes()
    assert [song] == list(song.parent.iterdir())


def test_a_repeated_send_has_the_same_bytes(song: Path) -> None:
    assert sent(song, FULL) == sent(song, FULL)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_a_foreign_tag_is_replaced(song: Path, version: int) -> None:
    song.write_bytes(foreign(version, b"TXXX" + bytes(90)) * 2 + AUDIO)

    assert id3(FULL) + AUDIO == sent(song, FULL)


@pytest.mark.parametrize(
    "own",
    [
        apic(PNG),
        b"TIT2\x00\x00\x00\x02\x00\x00\x03a" + apic(PNG),
        apic(PNG, encoding=1, description=b"\xff\xfea\x00\x00\x00"),
    ],
    ids=["plain", "second", "wide"],
)
def test_the_services_own_picture_is_kept_if_there_is_no_other(song: Path, own: bytes) -> None:
    song.write_bytes(foreign(3, own) + AUDIO)

    content = sent(song, Tags(title="a"))

    assert content is not None
    assert PNG == frames(content)["APIC"][-len(PNG) :]
    assert content.endswith(AUDIO)


@pytest.mark.parametrize(
    "own",
    [apic(b"<html>"), apic(JPEG)[:-9], apic(JPEG + bytes(PICTURE_MAX_BYTES)), b"APIC", b"\xff" * 40],
    ids=["page", "cut", "large", "short", "noise"],
)
def test_a_broken_picture_of_the_service_is_left_out(song: Path, own: bytes) -> None:
    song.write_bytes(foreign(3, own) + AUDIO)

    content = sent(song, Tags(title="a"))

    assert id3(Tags(title="a")) + AUDIO == content


def test_a_tag_that_claims_the_whole_file_is_treated_as_audio(song: Path) -> None:
    whole = b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + AUDIO
    song.write_bytes(whole)

    assert id3(FULL) + whole == sent(song, FULL)


def test_a_file_that_would_grow_too_large_loses_its_picture_first(song: Path) -> None:
    bare = Tags(title="a")
    limit = len(AUDIO) + len(id3(bare))

    assert id3(bare) + AUDIO == sent(song, Tags(title="a", picture=JPEG), limit)
    assert None is sent(song, bare, limit - 1)


@pytest.mark.parametrize("picture", [b"GIF89a", b"<html>", JPEG + bytes(PICTURE_MAX_BYTES)])
def test_only_a_jpeg_or_png_of_a_sane_size_is_a_cover(picture: bytes) -> None:
    assert b"" == id3(Tags(picture=picture))


def test_a_file_fetched_from_discord_keeps_no_words(song: Path) -> None:
    content = sent(song, FULL)
    assert content is not None

    assert id3(Tags(picture=JPEG)) + AUDIO == without_words(content)
    assert AUDIO == without_words(AUDIO)


@given(st.binary(max_size=200), st.sampled_from([2, 3, 4, 5]))
def test_no_foreign_tag_causes_an_error(content: bytes, version: int) -> None:
    audio = foreign(version, content) + AUDIO

    assert AUDIO == without_words(audio)[-len(AUDIO) :]


@given(st.text(max_size=50))
def test_a_tagged_file_is_still_audio(text: str) -> None:
    tag = id3(Tags(title=text, lyrics=text, comment=text))

    assert ".mp3" == ending_of(tag + AUDIO)
    assert not any(a == 0xFF and b & 0xE0 == 0xE0 for a, b in itertools.pairwise(tag[:10]))
    assert tags.TAG_MAX_BYTES > len(tag)
