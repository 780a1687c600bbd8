"""The spool: the folder of finished audio files, each complete and flushed to disk under its name."""

import hashlib
import os
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

from bot import threads
from bot.errors import Transient
from bot.files import flush
from bot.model import LINK_SUFFIX, JobId
from bot.music.formats import MAGIC_BYTES, SNIFFED_BYTES, ending_behind_junk, ending_of, is_other
from bot.music.tags import COVER_SUFFIX

AUDIO_MAX_BYTES: Final = 40 * 1024 * 1024
AUDIO_MIN_BYTES: Final = 4 * 1024
"""Minimum size of a song, in bytes; error pages and placeholders are smaller."""


class Stored(Struct, frozen=True, kw_only=True):
    """A complete file in the spool."""

    file: str
    size_bytes: int
    sha256: str


class NoAudio(Exception):
    """The address yields nothing, or no song; a fresh address may help.

    ``final`` means that this address will never yield a file that can be stored: the file is too large, or
    the same bytes that are not audio were served again. Members then get the address itself. ``received``
    is the beginning of a body that was refused for its content.
    """

    def __init__(self, message: str, *, final: bool = False, received: bytes = b"") -> None:
        super().__init__(message)
        self.final = final
        self.received = received


def link_to(url: str, name: str, size_bytes: int = 1) -> Stored:
    """Describe a take without a file in the spool: members get its address."""
    return Stored(
        file=f"{name}{LINK_SUFFIX}",
        size_bytes=size_bytes,
        sha256=hashlib.sha256(url.encode("utf-8", "replace")).hexdigest(),
    )


def cover_of(path: Path, job_id: JobId, take: int) -> bytes:
    """Return the cover stored next to a take's file, or nothing."""
    try:
        return path.with_name(f"{job_id}-{take}{COVER_SUFFIX}").read_bytes()
    except OSError:
        return b""


def covers_of(names: Collection[str], songs: Collection[str]) -> frozenset[str]:
    """Return those of the files ``names`` that are covers of a song in ``songs``."""
    jobs = {song.partition("-")[0] for song in songs}
    return frozenset(name for name in names if name.endswith(COVER_SUFFIX) and name.partition("-")[0] in jobs)


class SpoolUnwritable(Transient):
    """The disk is full, or the folder is not writable."""


class Spool:
    """The folder of finished audio files. A file under its name is complete and flushed to disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.threads = threads.Threads("spool", threads.SPOOL_FILES)

    def path(self, file: str) -> Path:
        """Return the path of a stored file."""
        return self.folder / file

    def count(self, files: Iterable[str]) -> int:
        """Return how many of these files exist."""
        return sum(os.path.isfile(f"{self.folder}/{file}") for file in files)  # noqa: PTH113 - four times as fast

    def of_jobs(self, job_ids: Collection[JobId]) -> list[Path]:
        """Return the files of these jobs, complete or not.

        Their names begin with the job's id and "-".
        """
        prefixes = {str(job_id) for job_id in job_ids}
        paths = self.folder.iterdir() if self.folder.is_dir() else ()
        return [path for path in paths if path.name.partition("-")[0] in prefixes and "-" in path.name]

    def store_cover(self, name: str, picture: bytes) -> None:
        """Store the cover of the take ``name``, whole or not at all.

        It may not survive a power cut.

        Raises:
            OSError: the disk is full, or the folder is not writable.
        """
        part = self.folder / f"{name}{COVER_SUFFIX}.part"
        try:
            with _create(part) as file:
                file.write(picture)
            part.replace(self.folder / f"{name}{COVER_SUFFIX}")
        finally:
            part.unlink(missing_ok=True)

    def sync(self) -> None:
        """Make added and removed file names survive a power cut."""
        flush(self.folder)

    async def store(self, name: str, chunks: AsyncIterator[bytes]) -> Stored:
        """Write the chunks to a file called ``name``, with the suffix of their format.

        Raises:
            NoAudio: the bytes are not audio, or too few or too many.
            SpoolUnwritable: the disk is full, or the folder is not writable.
        """
        part = self.folder / f"{name}.part"
        try:
            # Not on a thread: after a cancellation it would create the file after the clean-up below.
            with _create(part) as file:
                size, sha256, ending = await _copy(chunks, file, self.threads)
                await self.threads.run(_flush, file)
            await self.threads.run(_rename, part, self.folder / f"{name}{ending}")
        except OSError as error:
            raise SpoolUnwritable(f"{error.strerror}; check SPOOL_DIR and the free space") from error
        finally:
            with suppress(OSError):
                part.unlink()
        return Stored(file=f"{name}{ending}", size_bytes=size, sha256=sha256)


def _create(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


async def _copy(
    chunks: AsyncIterator[bytes], file: IO[bytes], file_threads: threads.Threads
) -> tuple[int, str, str]:
    """Write the chunks to the file; return their size, SHA-256 and file name suffix."""
    size, digest, start = 0, hashlib.sha256(), b""
    async for chunk in chunks:
        size += len(chunk)
        if size > AUDIO_MAX_BYTES:
            raise NoAudio(f"more than {AUDIO_MAX_BYTES} bytes", received=start or chunk[:SNIFFED_BYTES])
        if len(start) < SNIFFED_BYTES:
            start += chunk[: SNIFFED_BYTES - len(start)]
            if len(start) >= MAGIC_BYTES and _is_no_audio(start):
                raise NoAudio("the bytes are not audio", received=start)
        digest.update(chunk)
        await file_threads.run(file.write, chunk)
    ending = ending_of(start) or ending_behind_junk(start)
    if ending is None or size < AUDIO_MIN_BYTES:
        raise NoAudio(f"{size} bytes that are not a song", received=start)
    return size, digest.hexdigest(), ending


def _is_no_audio(start: bytes) -> bool:
    """Return whether no later byte can make this audio.

    Junk is searched only once, when there is enough of it.
    """
    if ending_of(start) is not None:
        return False
    return is_other(start) or (len(start) >= SNIFFED_BYTES and ending_behind_junk(start) is None)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _rename(part: Path, path: Path) -> None:
    part.replace(path)
    flush(path.parent)  # the name must survive a power cut too, not only the bytes
