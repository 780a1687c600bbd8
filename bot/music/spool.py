"""The spool: the folder of finished audio files, each complete and flushed to disk under its name."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from bot.errors import Transient

AUDIO_MAX_BYTES: Final = 40 * 1024 * 1024
AUDIO_MIN_BYTES: Final = 4 * 1024
"""Minimum size of a song in bytes; error pages and placeholders are smaller."""

_MAGIC_BYTES: Final = 12
"""Number of leading bytes that identify a format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A complete file in the spool."""

    file: str
    size_bytes: int
    sha256: str


class NoAudio(Exception):
    """The address holds nothing, or nothing that is a song; a fresh address may help."""


class SpoolUnwritable(Transient):
    """The disk is full, or the folder is not writable."""


class Spool:
    """The folder of finished audio files. A file name in it is a complete file that was flushed to disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, file: str) -> Path:
        """Return the path of a stored file."""
        return self.folder / file

    def of_jobs(self, job_ids: Collection[int]) -> list[Path]:
        """Return the files of these jobs, complete or not: their names begin with the job's id and "-"."""
        prefixes = {str(job_id) for job_id in job_ids}
        paths = self.folder.iterdir() if self.folder.is_dir() else ()
        return [path for path in paths if path.name.partition("-")[0] in prefixes and "-" in path.name]

    def sync(self) -> None:
        """Make added and removed file names survive a power cut."""
        _sync(self.folder)

    async def store(self, name: str, chunks: AsyncIterator[bytes]) -> Stored:
        """Write the chunks to a file called ``name``, with the suffix of the format that they are in.

        Raises:
            NoAudio: the bytes are not audio, or too few or too many.
            SpoolUnwritable: the disk is full, or the folder is not writable.
        """
        part = self.folder / f"{name}.part"
        try:
            # Not on a thread: a cancelled one would create the file after the clean-up below.
            with _create(part) as file:
                size, sha256, ending = await _copy(chunks, file)
                await asyncio.to_thread(_flush, file)
            await asyncio.to_thread(_rename, part, self.folder / f"{name}{ending}")
        except OSError as error:
            raise SpoolUnwritable(f"{error.strerror}; check SPOOL_DIR and the free space") from error
        finally:
            with suppress(OSError):
                part.unlink()
        return Stored(file=f"{name}{ending}", size_bytes=size, sha256=sha256)


def _create(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


async def _copy(chunks: AsyncIterator[bytes], file: IO[bytes]) -> tuple[int, str, str]:
    """Write the chunks to the file; return their size, SHA-256 and file name suffix."""
    size, digest, start = 0, hashlib.sha256(), b""
    async for chunk in chunks:
        size += len(chunk)
        if size > AUDIO_MAX_BYTES:
            raise NoAudio(f"more than {AUDIO_MAX_BYTES} bytes")
        if len(start) < _MAGIC_BYTES:
            start += chunk[:_MAGIC_BYTES]
            if len(start) >= _MAGIC_BYTES and ending_of(start) is None:
                raise NoAudio("the bytes are not audio")
        digest.update(chunk)
        await asyncio.to_thread(file.write, chunk)
    ending = ending_of(start)
    if ending is None or size < AUDIO_MIN_BYTES:
        raise NoAudio(f"{size} bytes that are not a song")
    return size, digest.hexdigest(), ending


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _rename(part: Path, path: Path) -> None:
    part.replace(path)
    _sync(path.parent)  # the name has to survive a power cut too, not only the bytes


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def ending_of(start: bytes) -> str | None:
    """Return the file name suffix of audio that begins with these bytes, or None if it is not audio."""
    if start.startswith(b"ID3") or _is_mpeg_frame(start):
        return ".mp3"
    if start.startswith(b"RIFF") and start[8:12] == b"WAVE":
        return ".wav"
    if start[4:8] == b"ftyp":
        return ".m4a"
    if start.startswith(b"OggS"):
        return ".ogg"
    if start.startswith(b"fLaC"):
        return ".flac"
    return None


def _is_mpeg_frame(start: bytes) -> bool:
    """Return whether an MPEG audio frame begins here: eleven sync bits, then layer II or III.

    Layer I is excluded: with it, the byte order mark of UTF-16 text would pass for a frame.
    Source: ISO/IEC 11172-3, 2.4.1.3.
    """
    first = int.from_bytes(start[:2])
    return first & 0xFFE0 == 0xFFE0 and first & 0x0006 in (0x0002, 0x0004)  # noqa: PLR2004 - masks of the header
