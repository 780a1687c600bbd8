"""Decoding of compressed answers, with a cap on the output.

We ask for no compression, and some servers and proxies compress anyway. httpx decodes without a cap, so a
kilobyte could become a megabyte in memory; zlib takes one.
"""

import re
import zlib
from typing import Final

LAYERS_MAX: Final = 3
"""Maximum number of encodings on top of each other."""
MEMBERS_MAX: Final = 16
"""Maximum number of gzip members in a row; each costs a copy of the rest."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


class TooLarge(Exception):
    """The decoded answer is larger than allowed."""


def decode(body: bytes, header: str, max_bytes: int) -> bytes:
    """Decode a body by its Content-Encoding ``header``, or by its first bytes where that is wrong.

    A truncated stream yields what was received of it. A body that cannot be decoded (Brotli, Zstandard, a
    damaged stream) is kept if it is text, since some proxies name an encoding that the body does not have,
    and is empty otherwise.

    Raises:
        TooLarge: more than ``max_bytes`` would come out.
    """
    names = [name for name in re.split(r"[\s,]+", header.lower()) if name not in ("", "identity")]
    for name in reversed(names[-LAYERS_MAX:]):
        if name == "deflate" and not body.startswith(_GZIP_MAGIC):
            body = _first_of(body, (_ZLIB, _RAW), max_bytes)
        elif body.startswith(_GZIP_MAGIC):
            body = _first_of(body, (_GZIP,), max_bytes)
    for _ in range(LAYERS_MAX):
        if not body.startswith(_GZIP_MAGIC):  # no JSON, no text and no page begins like that
            break
        body = _first_of(body, (_GZIP,), max_bytes)
    return body if not names or _is_text(body) else b""


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _first_of(body: bytes, formats: tuple[int, ...], max_bytes: int) -> bytes:
    """Decompress in the first of the formats that fits, or return the body as it is."""
    for wbits in formats:
        try:
            return _inflate(body, wbits, max_bytes)
        except zlib.error:
            continue
    return body


def _inflate(body: bytes, wbits: int, max_bytes: int) -> bytes:
    output = bytearray()
    for _ in range(MEMBERS_MAX):
        stream = zlib.decompressobj(wbits)
        try:
            output += stream.decompress(body, max_bytes - len(output) + 1)
        except zlib.error:
            if not output:
                raise
            break  # padding after the last member
        if len(output) > max_bytes:
            raise TooLarge
        body = stream.unused_data
        if wbits != _GZIP or not body.startswith(_GZIP_MAGIC):
            break
    return bytes(output)
