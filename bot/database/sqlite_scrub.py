"""Remove deleted data from an SQLite file and its write-ahead log."""

import os
import sqlite3
import struct

from bot.database import pages
from bot.database.sqlite_connections import BUSY_TIMEOUT_MS

READERS_TIMEOUT_MS = 100
"""Maximum wait for readers when truncating the write-ahead log, in milliseconds; writers wait as long."""
SCRUB_PAGES = 512
"""Number of pages scrubbed at a time, 2 MiB, while writers wait."""
HEADER_BYTES, PAGE_SIZE_AT, RESERVED_AT = 100, 16, 20
"""Size of a database file's header, and the offsets of the page size and of its reserved part, in bytes.
Source: https://sqlite.org/fileformat2.html#the_database_header, read 2026-11-26."""


def empty_log(connection: sqlite3.Connection) -> bool:
    """Checkpoint and truncate the write-ahead log. Returns False if a reader still needs it."""
    connection.execute(f"PRAGMA busy_timeout = {READERS_TIMEOUT_MS}")
    try:
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()["busy"] == 0)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def blank_pages(handle: int, first: int) -> tuple[int | None, bool]:
    """Blank unused bytes in a file with an empty log. Returns the next page and whether any changed."""
    header = os.pread(handle, HEADER_BYTES, 0)
    (size,) = struct.unpack_from(">H", header, PAGE_SIZE_AT)
    size = pages.PAGE_BYTES_MAX if size == 1 else size
    usable, last = size - header[RESERVED_AT], os.fstat(handle).st_size // size
    if last >= pages.AMBIGUOUS_FROM:
        raise sqlite3.NotSupportedError("a database of 137 GB or more can't be scrubbed")
    content = os.pread(handle, SCRUB_PAGES * size, (first - 1) * size)
    changed = False
    for number in range(len(content) // size):
        clean = pages.blanked(content[number * size : (number + 1) * size], usable)
        if clean is not None:
            os.pwrite(handle, clean, (first - 1 + number) * size)
            changed = True
    following = first + SCRUB_PAGES
    return (following if following <= last else None), changed
