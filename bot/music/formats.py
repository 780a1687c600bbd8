"""Detect audio formats by their first bytes: a download's name and content type are often wrong.

Everything that FFmpeg plays and that services and their CDNs are known to serve is recognised, even behind
padding, a byte order mark or a little junk. Pages, texts, pictures and archives are not audio.
"""

from collections.abc import Callable
from typing import Final

SNIFFED_BYTES: Final = 8 * 1024
"""Number of leading bytes in which audio must begin: room for a few MPEG frames behind junk."""
MAGIC_BYTES: Final = 16
"""Number of leading bytes that identify a clean file."""
HEADER_BYTES: Final = 7
"""Number of leading bytes of a frame that determine its length."""
FRAMES_MIN: Final = 3
"""Minimum number of consecutive MPEG or AAC frames that count as audio behind junk."""

# Sources: https://en.wikipedia.org/wiki/List_of_file_signatures and the probes in FFmpeg's libavformat, read
# 2026-11-25.
_STARTS: Final = (
    (b"OggS", ".ogg"),
    (b"fLaC", ".flac"),
    (b"ADIF", ".aac"),
    (b"caff\x00\x01", ".caf"),
    (b".snd\x00", ".au"),
    (b"#!AMR", ".amr"),
    (b"wvpk", ".wv"),
    (b"MAC \x80", ".ape"),
    (b"MAC \x96", ".ape"),
    (b"TTA1", ".tta"),
    (b"MPCK", ".mpc"),
    (b"MP+", ".mpc"),
    (b"FRM8\x00\x00\x00\x00", ".dff"),
    (b"DSD \x1c", ".dsf"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ".wma"),
    (b"riff\x2e\x91\xcf\x11\xa5\xd6", ".w64"),
    (b"\x0b\x77", ".ac3"),
    (b"\x7f\xfe\x80\x01", ".dts"),
)
_BEHIND_JUNK: Final = (b"ID3", b"OggS\x00", b"fLaC\x00", b"RIFF", b"ftyp", b"\x1a\x45\xdf\xa3")
"""Signatures long or strict enough to be searched for."""
_OTHER_STARTS: Final = (
    *(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"Rar!"),
    *(
        b"7z\xbc\xaf",
        b"BZh",
        b"\xfd7zXZ",
        b"\x28\xb5\x2f\xfd",
        b"<",
        b"{",
        b"[",
        b"\x7fELF",
        b"MZ",
        b"\x00asm",
    ),
)
_PICTURE_BRANDS: Final = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"jp2 ", b"crx ")
_PADDING: Final = b"\x00 \t\r\n"
_SYNC_BYTES: Final = b"\xff\x56"
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

# Source: ISO/IEC 11172-3, 2.4.2.3 and ISO/IEC 13818-3. In kbit/s by version and layer; 0 is free format.
_BITRATES: Final = {
    (3, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 1): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_MPEG_1: Final = 3
_LAYER_II: Final = 2


def ending_of(start: bytes) -> str | None:
    """Return the file name suffix of audio with these first bytes, None if not audio."""
    if start.startswith(b"ID3"):
        return _behind_id3(start)
    if _is_mpeg_frame(start):
        return ".mp3"
    if _is_adts_frame(start):
        return ".aac"
    if start[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and start[8:12] == b"WAVE":
        return ".wav"
    if start.startswith(b"FORM") and start[8:12] in (b"AIFF", b"AIFC"):
        return ".aiff"
    if start[4:8] == b"ftyp":
        return None if start[8:12] in _PICTURE_BRANDS else ".m4a"
    if start[4:8] in (b"moov", b"mdat", b"styp") and start[:2] in (b"\x00\x00", b"\x00\x01"):
        return ".m4a"
    if start.startswith(b"\x1a\x45\xdf\xa3"):
        return ".mka" if b"matroska" in start[:64] else ".webm"
    return next((ending for magic, ending in _STARTS if start.startswith(magic)), None)


def is_other(start: bytes) -> bool:
    """Return whether this certainly begins a page, a text, a picture or an archive."""
    content = _without_padding(start)
    return content.startswith(_OTHER_STARTS) or (
        start.startswith(b"RIFF") and start[8:12] in (b"AVI ", b"WEBP")
    )


def ending_behind_junk(start: bytes) -> str | None:
    """Return the suffix of audio that begins within ``SNIFFED_BYTES``, or None."""
    if is_other(start):
        return None
    content = _without_padding(start)
    if content is not start and (ending := ending_of(content)) is not None and _is_sure(content):
        return ending
    for magic in _BEHIND_JUNK:
        at = start.find(magic)
        while at >= 0:
            begin = at - 4 if magic == b"ftyp" else at
            if begin >= 0 and _is_sure(start[begin:]) and (ending := ending_of(start[begin:])) is not None:
                return ending
            at = start.find(magic, at + 1)
    frames = ((_mpeg_frame_bytes, ".mp3"), (_adts_frame_bytes, ".aac"), (_loas_frame_bytes, ".aac"))
    for at in range(len(start) - 4):
        if start[at] in _SYNC_BYTES and start[at + 1] >= 0xE0:  # noqa: PLR2004 - eleven sync bits
            for length_of, ending in frames:
                if _frames_at(start, at, length_of) >= FRAMES_MIN:
                    return ending
    return None


def _without_padding(start: bytes) -> bytes:
    content = start.lstrip(_PADDING)
    for mark in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].lstrip(_PADDING)
    return content


def _is_sure(content: bytes) -> bool:
    """Return whether a signature found behind junk is more than a coincidence."""
    if content.startswith(b"ID3"):
        # Source: https://id3.org/id3v2.4.0-structure, 3.1: versions 2 to 4, four flags, four 7-bit bytes.
        return (
            len(content) >= 10  # noqa: PLR2004 - the length of the header
            and content[3] in (2, 3, 4)
            and content[5] & 0x0F == 0
            and all(byte < 0x80 for byte in content[6:10])  # noqa: PLR2004 - seven bits each
        )
    if content[:1] == b"\xff":
        return any(
            _frames_at(content, 0, length_of) >= FRAMES_MIN
            for length_of in (_mpeg_frame_bytes, _adts_frame_bytes)
        )
    return not content.startswith(b"\x0b\x77")


def _behind_id3(start: bytes) -> str:
    """Return the suffix of the audio behind an ID3 tag, which is nearly always MPEG."""
    size = 0
    for byte in start[6:10]:
        size = size << 7 | byte & 0x7F
    content = start[10 + size : 10 + size + 4]
    if content == b"fLaC":
        return ".flac"
    if _is_adts_frame(content):
        return ".aac"
    return ".mp3"


def _is_mpeg_frame(start: bytes) -> bool:
    """Return whether an MPEG audio frame begins here: 11 sync bits, layer II or III.

    Layer I is excluded: with it, the byte order mark of UTF-16 text would pass for a frame.
    Source: ISO/IEC 11172-3, 2.4.1.3.
    """
    first = int.from_bytes(start[:2])
    return first & 0xFFE0 == 0xFFE0 and first & 0x0006 in (0x0002, 0x0004)  # noqa: PLR2004 - masks of the header


def _is_adts_frame(start: bytes) -> bool:
    """Return whether an AAC frame begins here.

    It has twelve sync bits, layer 0, and a valid sampling rate. Source: ISO/IEC 14496-3, 1.A.2.2.
    """
    if len(start) < 3:  # noqa: PLR2004 - the bytes looked at
        return False
    return start[0] == 0xFF and start[1] & 0xF6 == 0xF0 and start[2] >> 2 & 0x0F <= 12  # noqa: PLR2004 - as above


def _mpeg_frame_bytes(header: bytes) -> int:
    """Return the length of the MPEG frame that begins here, or 0."""
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if not _is_mpeg_frame(header) or version == 1 or bitrate in (0, 15) or rate == 3:  # noqa: PLR2004 - reserved
        return 0
    kbits = _BITRATES[_MPEG_1 if version == _MPEG_1 else 2, layer][bitrate]
    samples = 144 if version == _MPEG_1 or layer == _LAYER_II else 72
    return samples * kbits * 1_000 // _RATES_HZ[version][rate] + (header[2] >> 1 & 1)


def _adts_frame_bytes(header: bytes) -> int:
    """Return the length of the AAC frame that begins here, or 0."""
    if not _is_adts_frame(header) or len(header) < 6:  # noqa: PLR2004 - the bytes looked at
        return 0
    return (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5


def _loas_frame_bytes(header: bytes) -> int:
    """Return the length of the LOAS frame, with AAC, that begins here, or 0.

    Source: ISO/IEC 14496-3, 1.7.2: eleven sync bits, 0x2B7, and thirteen for the length behind these bytes.
    """
    first = int.from_bytes(header[:3])
    return (first & 0x1FFF) + 3 if first >> 13 == 0x2B7 else 0  # noqa: PLR2004 - the sync bits


def _frames_at(content: bytes, at: int, length_of: Callable[[bytes], int]) -> int:
    """Count the consecutive frames from here on, up to the number needed."""
    count = 0
    while count < FRAMES_MIN and at + HEADER_BYTES <= len(content):
        length = length_of(content[at : at + HEADER_BYTES])
        if length < HEADER_BYTES:
            break
        count, at = count + 1, at + length
    return count
