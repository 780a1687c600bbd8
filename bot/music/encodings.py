"""Decode compressed answers, with a cap on the output.

We ask for no compression, but some servers and proxies compress anyway: gzip, deflate, Brotli or Zstandard.
httpx decodes without a cap, so a kilobyte could become gigabytes in memory; the libraries here accept one.
"""

import re
import sys
import zlib
from typing import Final

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LAYERS_MAX: Final = 3
"""Maximum number of nested encodings."""
MEMBERS_MAX: Final = 16
"""Maximum number of consecutive gzip members or Zstandard frames; each costs a copy of the rest."""
WINDOW_MAX_BITS: Final = 23
"""Binary logarithm of the memory that a Zstandard frame may request, in bytes.

Source: https://www.rfc-editor.org/rfc/rfc9659, read 2026-11-26: HTTP allows a window of 8 MiB.
"""

_BEFORE_JSON: Final = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""Bytes that may precede JSON in UTF-8, UTF-16 and UTF-32: marks, space, the upper half of a character."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


class TooLarge(Exception):
    """The decoded answer is larger than allowed."""


def decode(body: bytes, header: str, max_bytes: int) -> bytes:
    """Decode a body by its Content-Encoding ``header``, or else by its first bytes.

    A truncated stream yields the part received. A body that cannot be decoded (an unknown encoding, a
    damaged stream) is kept if it is text, since some proxies name an encoding that the body does not have;
    otherwise the result is empty.

    Raises:
        TooLarge: the output would exceed ``max_bytes``.
    """
    received = body
    names = [name for name in re.split(r"[\s,]+", header.lower()) if name not in ("", "identity")]
    for name in reversed(names[-LAYERS_MAX:]):
        if body.startswith((_GZIP_MAGIC, _ZSTD_MAGIC)):
            body = _by_magic(body, max_bytes)
        elif name == "deflate":
            body = _first_of(body, (_ZLIB, _RAW), max_bytes)
        elif name == "br":
            body = _brotli(body, max_bytes)
    for _ in range(LAYERS_MAX):
        if not body.startswith((_GZIP_MAGIC, _ZSTD_MAGIC)):  # no JSON, no text and no page begins like that
            break
        body = _by_magic(body, max_bytes)
    decoded = not names or body is not received
    return body if decoded or _is_text(body) or body.lstrip(_BEFORE_JSON).startswith((b"{", b"[")) else b""


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _by_magic(body: bytes, max_bytes: int) -> bytes:
    return (
        _first_of(body, (_GZIP,), max_bytes) if body.startswith(_GZIP_MAGIC) else _zstandard(body, max_bytes)
    )


def _brotli(body: bytes, max_bytes: int) -> bytes:
    """Decompress, or return the body as it is.

    Brotli has no signature, so plain text may pass for it.
    """
    stream = brotli.Decompressor()
    try:
        output: bytes = stream.process(body, output_buffer_limit=max_bytes + 1)
    except brotli.error:
        return body
    if len(output) > max_bytes:
        raise TooLarge
    return body if _is_text(body) and not (output and _is_text(output)) else output


def _zstandard(body: bytes, max_bytes: int) -> bytes:
    """Decompress, or return the body as it is."""
    output = bytearray()
    rest = body
    for _ in range(MEMBERS_MAX):
        stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_MAX_BITS})
        try:
            output += stream.decompress(rest, max_bytes - len(output) + 1)
        except zstd.ZstdError:
            if not output:
                return body
            break  # padding after the last frame
        if len(output) > max_bytes:
            raise TooLarge
        rest = stream.unused_data if stream.eof else b""
        if not rest.startswith(_ZSTD_MAGIC):
            break
    return bytes(output)


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
