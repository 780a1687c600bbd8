"""Read an uploaded lyrics file: plain text in any encoding, and nothing else."""

import asyncio
import codecs
import re
from typing import Final

import aiohttp
import discord

from bot.characters import storable
from bot.lazy import lazy_pattern
from bot.refusals import UnreadableFile
from bot.ui import charsets
from bot.ui.charsets import DecodedText

FILE_MAX_BYTES: Final = 32 * 1024
"""Maximum size of a lyrics file."""
FETCH_S: Final = 1.5
"""Timeout for fetching a lyrics file, in seconds; the submission must be answered within 3 s."""
PDF_WITHIN_BYTES: Final = 1_024
"""Number of bytes in which to find a PDF signature; some programs put something before it."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks and their encodings."""
_OTHER_FORMATS: Final = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"),
    *(b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*", b"RIFF", b"ID3", b"OggS"),
    *(b"fLaC", b"\xd0\xcf\x11\xe0", b"{\\rtf", b"%!PS", b"MZ", b"\x7fELF", b"SQLite format 3"),
)
"""First bytes of archives, pictures, audio, documents and programs.
Source: https://en.wikipedia.org/wiki/List_of_file_signatures, read 2026-11-26."""
_MARKUP: Final = lazy_pattern(
    r"\s*<(!doctype\b|!--|\?xml\b|/?(html|head|body|meta|script|style|svg|div|table|p|span)[\s/>])",
    re.IGNORECASE,
)
"""Beginnings of web pages and other XML."""


async def read_lyrics(file: discord.Attachment) -> DecodedText:
    """Return the text of a lyrics file.

    Raises:
        UnreadableFile: too large, empty, not text, or not fetched in time.
    """
    if file.size > FILE_MAX_BYTES:
        raise UnreadableFile("too_big")
    try:
        async with asyncio.timeout(FETCH_S):
            content = await file.read()
    except (TimeoutError, discord.HTTPException, aiohttp.ClientError, OSError) as error:
        raise UnreadableFile("not_fetched") from error
    return decode(content)


def decode(content: bytes) -> DecodedText:
    """Return the text in a file's bytes; its name is irrelevant.

    Raises:
        UnreadableFile: too large, empty, or not text.
    """
    if len(content) > FILE_MAX_BYTES:
        raise UnreadableFile("too_big")
    if content.startswith(_OTHER_FORMATS) or b"%PDF-" in content[:PDF_WITHIN_BYTES]:
        raise UnreadableFile("not_text")
    reading = _certain(content) or charsets.guess(content)
    if reading is None or _MARKUP.match(reading.text):
        raise UnreadableFile("not_text")
    text = storable(reading.text.rstrip(charsets.END_OF_FILE))
    if not text:
        raise UnreadableFile("empty")
    return DecodedText(text=text, encoding=reading.encoding, guessed=reading.guessed)


def _certain(content: bytes) -> DecodedText | None:
    """Decode by byte order mark, or as UTF-8, which no other text resembles by chance.

    Raises:
        UnreadableFile: not text, whatever its mark claims.
    """
    mark, codec = next(((mark, codec) for mark, codec in _MARKS if content.startswith(mark)), (b"", "utf-8"))
    try:
        text = content[len(mark) :].decode(codec)
    except UnicodeDecodeError as error:
        if mark:
            raise UnreadableFile("not_text") from error
        return None
    if charsets.has_controls(text):
        if mark:
            raise UnreadableFile("not_text")
        return None
    return DecodedText(text=text, encoding=codec, guessed=False)
