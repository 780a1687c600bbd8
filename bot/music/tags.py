"""Write ID3 tags, which players display, in front of a song's audio without changing the audio.

Tags are added to the copy that is sent and never to the file in the spool. They are a function of the job
and its cover, so a repeated send carries the same bytes; and a member's words do not get into files that
would outlive a deletion of those words.

The well-maintained libraries that write tags (mutagen, eyeD3, pytaglib) are under the GPL, and TinyTag only
reads them.
Source: https://id3.org/id3v2.4.0-structure and https://id3.org/id3v2.4.0-frames, read 2026-11-26.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

from msgspec import Struct
from msgspec.structs import replace

from bot.music.formats import MAGIC_BYTES, ending_of

TAG_MAX_BYTES: Final = 2 * 1024 * 1024
"""Maximum size of a tag that is read for its picture."""
PICTURE_MAX_BYTES: Final = 1024 * 1024
"""Maximum size of a cover picture."""
TAGS_MAX: Final = 4
"""Maximum number of consecutive tags replaced at the beginning of a file."""
FRAMES_MAX: Final = 200
"""Maximum number of frames examined per tag."""
COVER_SUFFIX: Final = ".cover"
"""Suffix of a take's cover in the spool."""

_HEADER_BYTES: Final = 10
_VERSIONS: Final = (2, 3, 4)
_UTF_8: Final = b"\x03"
_UNKNOWN_LANGUAGE: Final = b"XXX"
"""ID3v2.4's code for an unknown language."""
_FRONT_COVER: Final = b"\x03"
_FOOTER: Final = 0x10
_UNSYNCHRONISED_OR_EXTENDED: Final = 0xC0
_PICTURE_TYPES: Final = ((b"\xff\xd8\xff", b"image/jpeg"), (b"\x89PNG\r\n\x1a\n", b"image/png"))
_TERMINATORS: Final = {0: b"\x00", 1: b"\x00\x00", 2: b"\x00\x00", 3: b"\x00"}


class Tags(Struct, frozen=True, kw_only=True):
    """The tags of a song. Empty ones are left out."""

    title: str = ""
    artist: str = ""
    genre: str = ""
    lyrics: str = ""
    comment: str = ""
    track: str = ""
    """The take and the number of takes, as "1/2"."""
    picture: bytes = b""
    """JPEG or PNG; anything else is left out."""


def picture_type(picture: bytes) -> bytes | None:
    """Return the content type of a JPEG or PNG picture by its first bytes, or None."""
    return next((kind for magic, kind in _PICTURE_TYPES if picture.startswith(magic)), None)


def id3(tags: Tags) -> bytes:
    """Return an ID3v2.4 tag, or nothing if it would be empty."""
    frames = b"".join(_frames(tags))
    return b"ID3\x04\x00\x00" + _synchsafe(len(frames)) + frames if frames else b""


def tagged(path: Path, tags: Tags, max_bytes: int) -> io.BufferedIOBase | None:
    """Return a nameless copy of an MP3 file, its leading tags replaced by these.

    A picture in the file's own tag is kept if there is no other; everything else in it is the service's and
    is dropped. If the copy would be larger than ``max_bytes``, the picture is left out. Returns None if it
    is still too large, or if there is nothing to add.

    Raises:
        OSError: the file is gone, or there is no room for the copy.
    """
    with path.open("rb") as source:
        start, own_picture = _audio_start(source)
        tags = replace(tags, picture=tags.picture if picture_type(tags.picture) else own_picture)
        audio_bytes = path.stat().st_size - start
        choices = (id3(tags), id3(replace(tags, picture=b"")))
        tag = next((choice for choice in choices if len(choice) + audio_bytes <= max_bytes), b"")
        if not tag:
            return None
        opened = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - the caller closes it
        copy = cast("io.BufferedIOBase", opened)
        try:
            copy.write(tag)
            source.seek(start)
            shutil.copyfileobj(source, copy)
            copy.seek(0)
        except OSError:
            copy.close()
            raise
        return copy


def without_words(audio: bytes) -> bytes:
    """Return the audio with only the picture left of its leading tags."""
    start, picture = _audio_start(_Bytes(audio))
    return id3(Tags(picture=picture)) + audio[start:] if start else audio


def _frames(tags: Tags) -> Iterator[bytes]:
    texts = {
        b"TIT2": tags.title,
        b"TPE1": tags.artist,
        b"TCON": tags.genre,
        b"TRCK": tags.track,
    }
    for name, text in texts.items():
        if text:
            yield _frame(name, _UTF_8 + _encoded(text))
    if tags.lyrics:
        yield _frame(b"USLT", _UTF_8 + _UNKNOWN_LANGUAGE + b"\x00" + _encoded(tags.lyrics))
    if tags.comment:
        yield _frame(b"COMM", _UTF_8 + b"eng" + b"\x00" + _encoded(tags.comment))
    kind = picture_type(tags.picture)
    if kind is not None and len(tags.picture) <= PICTURE_MAX_BYTES:
        yield _frame(b"APIC", _UTF_8 + kind + b"\x00" + _FRONT_COVER + b"\x00" + tags.picture)


def _encoded(text: str) -> bytes:
    """Encode a text; NUL would end it, and a lone surrogate can't be encoded."""
    return text.replace("\x00", "").encode("utf-8", "ignore")


def _frame(name: bytes, content: bytes) -> bytes:
    return name + _synchsafe(len(content)) + b"\x00\x00" + content


def _synchsafe(size: int) -> bytes:
    """Return a size as four bytes of seven bits, which never look like an MPEG frame."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _size_of(synchsafe: bytes) -> int:
    size = 0
    for byte in synchsafe:
        size = size << 7 | byte & 0x7F
    return size


class _Bytes:
    """Bytes with the two file methods needed here, without a copy."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def seek(self, at: int) -> None:
        self._at = at

    def read(self, size: int) -> bytes:
        piece = self._content[self._at : self._at + size]
        self._at += len(piece)
        return piece


def _audio_start(source: IO[bytes] | _Bytes) -> tuple[int, bytes]:
    """Return where the audio begins behind its leading tags, and their picture."""
    start, picture = 0, b""
    for _ in range(TAGS_MAX):
        source.seek(start)
        header = source.read(_HEADER_BYTES)
        size = _size_of(header[6:10])
        if not _is_tag(header) or size > TAG_MAX_BYTES:
            break
        body = source.read(size)
        following = start + _HEADER_BYTES + size + (_HEADER_BYTES if header[5] & _FOOTER else 0)
        source.seek(following)
        if ending_of(source.read(MAGIC_BYTES)) is None:
            break  # the size that it claims can't be right, and no audio must be lost
        picture = picture or _picture_in(header, body)
        start = following
    return start, picture


def _is_tag(header: bytes) -> bool:
    """Return whether a tag begins here: version 2 to 4, four flags, four 7-bit bytes."""
    return (
        len(header) == _HEADER_BYTES
        and header.startswith(b"ID3")
        and header[3] in _VERSIONS
        and header[5] & 0x0F == 0
        and max(header[6:10]) <= 0x7F  # noqa: PLR2004 - seven bits
    )


def _picture_in(header: bytes, body: bytes) -> bytes:
    """Return the first picture in a plain tag of version 2.3 or 2.4."""
    version, flags = header[3], header[5]
    if version not in (3, 4) or flags & _UNSYNCHRONISED_OR_EXTENDED:
        return b""
    at = 0
    for _ in range(FRAMES_MAX):
        name, size_bytes, options = body[at : at + 4], body[at + 4 : at + 8], body[at + 8 : at + 10]
        if len(options) < 2 or not name.isalnum():  # noqa: PLR2004 - both bytes
            break
        size = _size_of(size_bytes) if version == 4 else int.from_bytes(size_bytes)  # noqa: PLR2004 - 2.4
        content = body[at + _HEADER_BYTES : at + _HEADER_BYTES + size]
        if name == b"APIC" and len(content) == size and options[1] == 0:
            return _picture_of(content)
        at += _HEADER_BYTES + size
    return b""


def _picture_of(content: bytes) -> bytes:
    """Return the picture in an APIC frame's content.

    The frame holds encoding, content type, kind, description and data.
    """
    encoding = content[0] if content else 0
    at = content.find(b"\x00", 1) + 2
    terminator = _TERMINATORS.get(encoding, b"\x00")
    step = len(terminator)
    while at > 1 and content[at : at + step] not in (terminator, b""):
        at += step
    picture = content[at + step :]
    return picture if picture_type(picture) and len(picture) <= PICTURE_MAX_BYTES else b""
