"""Make files for members and managers small enough for Discord."""

import gzip
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import discord

from bot.threads import Threads

PLAIN_MAX_BYTES: Final = 8 * 1024 * 1024
"""Size up to which a file is sent as it is; Discord accepts 10 MiB."""


@asynccontextmanager
async def compressed_if_large(path: Path, attachments: Threads) -> AsyncIterator[discord.File]:
    """Open the file, or a compressed copy if it is too large; close it on exit."""
    file = discord.File(await attachments.run(_small, path))
    try:
        yield file
    finally:
        file.close()


def _small(path: Path) -> Path:
    if path.stat().st_size <= PLAIN_MAX_BYTES:
        return path
    packed = path.with_name(path.name + ".gz")
    with path.open("rb") as plain, gzip.open(packed, "wb") as file:
        shutil.copyfileobj(plain, file)
    return packed
