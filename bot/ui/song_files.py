"""A song's attachments, with the song's name and its tags."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import discord
from msgspec.structs import replace

from bot.discord_limits import FILE_SAFE_BYTES, REQUEST_MAX_BYTES
from bot.model import Job, JobId, Track
from bot.music import tags
from bot.music.spool import cover_of
from bot.threads import Threads
from bot.ui.file_names import file_name
from bot.ui.text import cut, plain

log = logging.getLogger(__name__)

TAG_TEXT_MAX: Final = 300
"""Maximum length of a one-line tag, in characters."""
TAGGED_SUFFIX: Final = ".mp3"
"""Suffix of the files that get tags; others are attached unchanged."""


@asynccontextmanager
async def song_files(
    job: Job,
    title: str,
    artist: str,
    files: Sequence[tuple[Track, Path]],
    attached: Collection[int],
    threads: Threads,
) -> AsyncIterator[list[discord.File]]:
    """Open the ``attached`` takes of a song, tagged if possible; close them on exit.

    ``job`` is the job with only the texts that may be shown. Tags never make a file exceed a size limit,
    and a file that can't be tagged is attached unchanged. ``threads`` do the copying.
    """
    chosen = [(track, path) for track, path in files if track.take in attached]
    room = REQUEST_MAX_BYTES - sum(track.size_bytes for track, _ in chosen)
    with ExitStack() as stack:
        uploads: list[discord.File] = []
        for track, path in chosen:
            name = file_name(title, track.take, path.suffix)
            content = None
            if path.suffix == TAGGED_SUFFIX:
                most = FILE_SAFE_BYTES if track.size_bytes <= FILE_SAFE_BYTES else REQUEST_MAX_BYTES
                room_here = min(most, track.size_bytes + room // len(chosen))
                song_tags = tags_of(job, title, artist, track.take, len(files))
                copy = partial(_tagged, path, job.id, track.take, song_tags, room_here)
                content = await _off_thread(threads, copy)
            if content is None:
                upload = discord.File(path, name)
            else:
                stack.enter_context(content)
                upload = discord.File(content, name)
            stack.callback(upload.close)
            uploads.append(upload)
        yield uploads


async def _off_thread(
    threads: Threads, copy: Callable[[], io.BufferedIOBase | None]
) -> io.BufferedIOBase | None:
    """Make a copy on a thread; close it if nobody is waiting for it anymore."""
    making = asyncio.ensure_future(threads.run(copy))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(_close)
        raise


def _close(opening: asyncio.Future[io.BufferedIOBase | None]) -> None:
    if not opening.cancelled() and opening.exception() is None and (content := opening.result()) is not None:
        content.close()


def tags_of(job: Job, title: str, artist: str, take: int, takes: int) -> tags.Tags:
    """Return the tags of a take: a pure function of the job, so repeats are equal."""
    request = job.request
    return tags.Tags(
        title=_line(title),
        artist=_line(artist),
        genre=_line(request.style),
        lyrics="" if request.instrumental else plain(request.lyrics),
        comment=_line(f"Made with AI, model {request.model}") if request.model else "Made with AI",
        track=f"{take}/{takes}",
    )


def _line(text: str) -> str:
    return cut(" ".join(plain(text).split()), TAG_TEXT_MAX)


def _tagged(
    path: Path, job_id: JobId, take: int, texts: tags.Tags, max_bytes: int
) -> io.BufferedIOBase | None:
    """Return a tagged copy of the file, or None to attach it unchanged."""
    try:
        return tags.tagged(path, replace(texts, picture=cover_of(path, job_id, take)), max_bytes)
    except OSError as error:
        log.warning("file not tagged", extra={"job_id": job_id, "take": take, "error": error.strerror})
        return None
