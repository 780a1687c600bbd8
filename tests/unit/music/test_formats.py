from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import httpx
import pytest

from bot.music import downloads
from bot.music import spool as spool_module
from bot.music.downloads import AudioSource
from bot.music.formats import SNIFFED_BYTES, ending_behind_junk, ending_of, is_other
from bot.music.spool import NoAudio, Spool
from tests.unit.music.test_audio import ORIGIN, Body, in_pieces, serving

ADDRESS = "https://songs.example/a"
MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
"""128 kbit/s at 44.1 kHz: 417 bytes."""
AAC_FRAME = b"\xff\xf1\x50\x80\x2e\xff\xfc" + bytes(368)
"""375 bytes, according to its header."""
ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)


def noise_of(seed: int, size: int) -> bytes:
    return Random(seed).randbytes(size)  # noqa: S311 - reproducible, no secret


CLEAN = {
    "MP3": (MP3_FRAME * 20, ".mp3"),
    "MP3 with ID3": (ID3 + MP3_FRAME * 20, ".mp3"),
    "MP3 with a large ID3": (b"ID3\x03\x00\x00\x00\x7f\x7f\x7f" + bytes(9_000), ".mp3"),
    "MPEG-2 layer III": (b"\xff\xf3\x90\x00" + bytes(9_000), ".mp3"),
    "layer II": (b"\xff\xfd\x90\x00" + bytes(9_000), ".mp3"),
    "AAC": (AAC_FRAME * 20, ".aac"),
    "AAC without a checksum": (b"\xff\xf9\x50\x80\x2e\xff\xfc" + bytes(9_000), ".aac"),
    "AAC with ID3": (ID3 + AAC_FRAME * 20, ".aac"),
    "FLAC with ID3": (ID3 + b"fLaC\x00" + bytes(9_000), ".flac"),
    "ADIF": (b"ADIF" + bytes(9_000), ".aac"),
    "M4A": (b"\x00\x00\x00\x20ftypM4A " + bytes(9_000), ".m4a"),
    "MP4": (b"\x00\x00\x00\x18ftypmp42" + bytes(9_000), ".m4a"),
    "fragmented MP4": (b"\x00\x00\x00\x18ftypiso5" + bytes(9_000), ".m4a"),
    "QuickTime": (b"\x00\x00\x0e\x20moov\x00\x00\x00\x6cmvhd" + bytes(9_000), ".m4a"),
    "WAV": (b"RIFF\x24\x08\x00\x00WAVEfmt " + bytes(9_000), ".wav"),
    "WAV of unknown length": (b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(9_000), ".wav"),
    "RF64": (b"RF64\xff\xff\xff\xffWAVEds64" + bytes(9_000), ".wav"),
    "FLAC": (b"fLaC\x00\x00\x00\x22" + bytes(9_000), ".flac"),
    "Vorbis": (b"OggS\x00\x02" + bytes(22) + b"\x01vorbis" + bytes(9_000), ".ogg"),
    "Opus": (b"OggS\x00\x02" + bytes(22) + b"OpusHead" + bytes(9_000), ".ogg"),
    "WebM": (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + bytes(9_000), ".webm"),
    "Matroska": (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska" + bytes(9_000), ".mka"),
    "AIFF": (b"FORM\x00\x10\x00\x00AIFFCOMM" + bytes(9_000), ".aiff"),
    "AIFF-C": (b"FORM\x00\x10\x00\x00AIFCFVER" + bytes(9_000), ".aiff"),
    "CAF": (b"caff\x00\x01\x00\x00desc" + bytes(9_000), ".caf"),
    "AU": (b".snd\x00\x00\x00\x18" + bytes(9_000), ".au"),
    "AMR": (b"#!AMR\n" + bytes(9_000), ".amr"),
    "AMR-WB": (b"#!AMR-WB\n" + bytes(9_000), ".amr"),
    "3GP": (b"\x00\x00\x00\x18ftyp3gp4" + bytes(9_000), ".m4a"),
    "WavPack": (b"wvpk" + bytes(9_000), ".wv"),
    "Monkey's Audio": (b"MAC \x96\x0f" + bytes(9_000), ".ape"),
    "Musepack 7": (b"MP+\x07" + bytes(9_000), ".mpc"),
    "DSDIFF": (b"FRM8" + bytes(6) + b"\x10\x00DSD " + bytes(9_000), ".dff"),
    "WMA": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9" + bytes(9_000), ".wma"),
}
LOAS_FRAME = b"\x56\xe0\x80" + bytes(128)
JUNK = {
    "nothing": b"",
    "zeros": bytes(500),
    "many zeros": bytes(4_000),
    "line breaks": b"\r\n\r\n \t",
    "a mark": b"\xef\xbb\xbf",
    "marks and line breaks": b"\r\n\xef\xbb\xbf\n",
    "bytes": noise_of(1, 300).replace(b"\xff", b"\x01"),
    "text": b"Warning: cannot modify header information\n",
}
SEARCHED = [
    "MP3",
    "MP3 with ID3",
    "MP3 with a large ID3",
    "AAC",
    "M4A",
    "WAV",
    "FLAC",
    "Vorbis",
    "Opus",
    "WebM",
]
OTHERS = {
    "HTML": b"<!DOCTYPE html><html>ID3\x04\x00" + b" " * 9_000,
    "HTML behind a mark": b"\xef\xbb\xbf\r\n<html>" + b" " * 9_000,
    "JSON": b'{"error": "gone"}' + b" " * 9_000,
    "a list": b'["gone"]' + b" " * 9_000,
    "text": b"The file was not found. " * 500,
    "playlist": b"#EXTM3U\n#EXT-X-VERSION:3\n" + b"segment.ts\n" * 900,
    "UTF-16": b"\xff\xfe" + "Not found".encode("utf-16-le") * 900,
    "PNG": b"\x89PNG\r\n\x1a\n" + MP3_FRAME * 20,
    "JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF" + MP3_FRAME * 20,
    "a ZIP with a song": b"PK\x03\x04" + bytes(26) + b"song.mp3" + ID3 + MP3_FRAME * 20,
    "gzip": b"\x1f\x8b\x08\x00" + bytes(9_000),
    "PDF": b"%PDF-1.7\n" + bytes(9_000),
    "AVI": b"RIFF\x24\x08\x00\x00AVI LIST" + bytes(9_000),
    "WebP": b"RIFF\x24\x08\x00\x00WEBPVP8 " + bytes(9_000),
    "AVIF": b"\x00\x00\x00\x20ftypavif" + bytes(9_000),
    "HEIC": b"\x00\x00\x00\x20ftypheic" + bytes(9_000),
    "zeros": bytes(20_000),
    "noise": noise_of(2, 20_000),
    "one frame": bytes(100) + MP3_FRAME + noise_of(3, 9_000).replace(b"\xff", b"\x01"),
}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


async def chunks(content: bytes, size: int) -> AsyncIterator[bytes]:
    for piece in in_pieces(content, size):
        yield piece


@pytest.mark.parametrize("name", CLEAN)
def test_clean_audio_is_recognised_by_its_first_bytes(name: str) -> None:
    content, ending = CLEAN[name]

    assert ending == ending_of(content[:16]) or "ID3" in name
    assert (ending, False) == (ending_of(content[:SNIFFED_BYTES]), is_other(content))


@pytest.mark.parametrize("junk", [b"", b"\r\n", bytes(500)])
def test_aac_in_a_stream_is_recognised_by_its_frames(junk: bytes) -> None:
    assert ".aac" == ending_behind_junk(junk + LOAS_FRAME * 4)
    assert None is ending_behind_junk(junk + LOAS_FRAME * 2 + b"x" * 500)


@pytest.mark.parametrize("size", [60, 100_000])
@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("name", SEARCHED)
async def test_audio_behind_junk_is_stored_as_it_is(name: str, junk: str, size: int, spool: Spool) -> None:
    content, ending = JUNK[junk] + CLEAN[name][0], CLEAN[name][1]

    stored = await spool.store("42-1", chunks(content, size))

    assert f"42-1{ending}" == stored.file
    assert content == spool.path(stored.file).read_bytes()


@pytest.mark.parametrize("size", [60, 100_000])
@pytest.mark.parametrize("name", OTHERS)
async def test_a_file_with_audio_inside_is_not_audio(name: str, size: int, spool: Spool) -> None:
    with pytest.raises(NoAudio):
        await spool.store("42-1", chunks(OTHERS[name], size))

    assert [] == list(spool.folder.iterdir())


@pytest.mark.parametrize("seed", range(200))
def test_noise_is_not_audio(seed: int) -> None:
    noise = noise_of(seed, SNIFFED_BYTES)

    assert ending_behind_junk(b"\x01" + noise) is None


def test_pictures_that_begin_like_frames_are_not_audio() -> None:
    assert ending_of(b"\xff\xd8\xff\xe0") is None
    assert ending_of(b"\xff\xf1\xfc\x80") is None


# -- final and passing verdicts

SONG = CLEAN["MP3 with ID3"][0]
TOO_LARGE = str(spool_module.AUDIO_MAX_BYTES + 1)


async def findings(spool: Spool, *answers: bytes | Body, length: str | None = None) -> list[bool]:
    """Return whether each of several downloads from one address gave a final verdict."""
    waiting, finals = list(answers), []

    def serve(request: httpx.Request) -> httpx.Response:
        content = waiting.pop(0)
        return (serving(content) if length is None else serving(content, Content_Length=length))(request)

    async with AudioSource.open(origins=[ORIGIN], transport=httpx.MockTransport(serve)) as source:
        for _ in answers:
            with pytest.raises(NoAudio) as caught:
                await source.fetch(ADDRESS, spool, "42-1")
            finals.append(caught.value.final)
    return finals


@pytest.mark.parametrize(
    "content", [b"<html>" + b" " * 9_000, b'{"error":"gone"}', OTHERS["PNG"], bytes(20_000), SONG[:100]]
)
async def test_identical_bytes_that_are_not_audio_are_final_the_second_time(
    content: bytes, spool: Spool
) -> None:
    assert [False, True, True] == await findings(spool, content, content, content)


async def test_different_bytes_that_are_not_audio_are_not_final(spool: Spool) -> None:
    assert [False, False, False] == await findings(spool, b"<html>1", b"<html>2", b"<html>1")


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_empty_bodies_and_errors_are_never_final(status: int, spool: Spool) -> None:
    transport = httpx.MockTransport(serving(b"", status))
    async with AudioSource.open(origins=[ORIGIN], transport=transport) as source:
        for _ in range(4):
            with pytest.raises(NoAudio) as caught:
                await source.fetch(ADDRESS, spool, "42-1")
            assert not caught.value.final
    assert [False] * 4 == await findings(spool, b"", b"", b"", b"")


async def test_audio_declared_as_too_large_is_final_and_not_downloaded(spool: Spool) -> None:
    body = Body(in_pieces(SONG) * 10_000)

    assert [True] == await findings(spool, body, length=TOO_LARGE)
    assert body.pulled_bytes <= 2_000


async def test_a_page_declared_as_too_large_is_still_a_page(spool: Spool) -> None:
    assert [False] == await findings(spool, b"<html>" + b" " * 9_000, length=TOO_LARGE)


@pytest.mark.parametrize("length", ["²", "-5", "9" * 5_000, "", "many"])
async def test_an_implausible_length_is_ignored(length: str, spool: Spool) -> None:
    assert [False] == await findings(spool, b"<html>" + b" " * 9_000, length=length)


async def test_audio_that_turns_out_too_large_is_final_the_second_time(
    monkeypatch: pytest.MonkeyPatch, spool: Spool
) -> None:
    monkeypatch.setattr(spool_module, "AUDIO_MAX_BYTES", 5_000)

    assert [False, True] == await findings(spool, SONG, SONG)


async def test_the_bytes_downloaded_in_vain_for_a_job_are_bounded(
    monkeypatch: pytest.MonkeyPatch, spool: Spool
) -> None:
    monkeypatch.setattr(downloads, "WASTED_MAX_BYTES", 50_000)
    bodies = [Body([b"\xff\xfb\x90\x00" + bytes(20_000)], then=httpx.ReadError("reset")) for _ in range(4)]

    assert [False, False, False, True] == await findings(spool, *bodies)
    assert 0 == bodies[3].pulled_bytes


async def test_the_number_of_remembered_findings_is_bounded(
    monkeypatch: pytest.MonkeyPatch, spool: Spool
) -> None:
    monkeypatch.setattr(downloads, "REMEMBERED_MAX", 10)
    transport = httpx.MockTransport(serving(b"<html>"))
    async with AudioSource.open(origins=[ORIGIN], transport=transport) as source:
        for number in range(100):
            with pytest.raises(NoAudio):
                await source.fetch(f"{ADDRESS}/{number}", spool, f"{number}-1")
        sizes = len(source._refused), len(source._wasted_bytes)

    assert (10, 10) == sizes
