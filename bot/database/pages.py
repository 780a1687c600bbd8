"""Blank the unused bytes of a database page.

``secure_delete`` overwrites deleted rows, but not the copies that SQLite leaves between the cell pointers and
the cells when it moves rows to another page. Those bytes mean nothing to SQLite, so blanking them changes
nothing that a reader sees, even if only part of a page reaches the disk.
Source: https://sqlite.org/fileformat2.html#b_tree_pages, read 2026-11-26.
"""

import struct
from typing import Final

HEADER_BYTES: Final = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}
"""Header sizes by kind of b-tree page, in bytes. Other pages begin with a smaller byte."""
FREE_BLOCK_BYTES: Final = 4
"""Size of a free block's header, in bytes: the offset of the next block, and the block's own size."""
AMBIGUOUS_FROM: Final = 0x0200_0000
"""Number of pages from which an overflow page may begin like a b-tree page; 137 GB."""
PAGE_BYTES_MAX: Final = 65_536
_ZEROS: Final = bytes(PAGE_BYTES_MAX)


def blanked(page: bytes, usable: int) -> bytes | None:
    """Return a b-tree page with its unused bytes blanked, or None.

    None means that there is nothing to blank, or that it isn't a b-tree page. ``usable`` is the size of a
    page without the bytes reserved for extensions.
    """
    header = HEADER_BYTES.get(page[0])
    if header is None:
        return None
    free_block, cells, content = struct.unpack_from(">HHH", page, 1)
    content, pointers_end = content or PAGE_BYTES_MAX, header + 2 * cells
    if not pointers_end <= content <= usable:
        return None
    pointers = struct.unpack_from(f">{cells}H", page, header)
    if cells and not content <= min(pointers) <= max(pointers) < usable:
        return None
    spans = _free_spans(page, free_block, content, usable)
    if spans is None:
        return None
    dirty = [
        (start, end)
        for start, end in ((pointers_end, content), *spans)
        if page[start:end] != _ZEROS[: end - start]
    ]
    if not dirty:
        return None
    clean = bytearray(page)
    for start, end in dirty:
        clean[start:end] = _ZEROS[: end - start]
    return bytes(clean)


def _free_spans(page: bytes, block: int, content: int, usable: int) -> list[tuple[int, int]] | None:
    """Return the unused spans of the free blocks, or None if their chain is not valid for a b-tree page."""
    spans = []
    while block:
        if not content <= block <= usable - FREE_BLOCK_BYTES:
            return None
        following, size = struct.unpack_from(">HH", page, block)
        end = block + size
        if size < FREE_BLOCK_BYTES or end > usable or 0 < following < end:
            return None
        spans.append((block + FREE_BLOCK_BYTES, end))
        block = following
    return spans
