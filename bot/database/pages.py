"""Blank the bytes of a database page that no row uses, and leave the rest as it is.

``secure_delete`` overwrites rows when they are deleted, but not the copies that SQLite leaves between the
cell pointers and the cells when it moves rows to another page. Those bytes have no meaning to SQLite, so
blanking them changes nothing that a reader sees, even if only a part of a page reaches the disk.
Source: https://sqlite.org/fileformat2.html#b_tree_pages, read 2026-11-26.
"""

import struct
from typing import Final

HEADER_BYTES: Final = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}
"""Size of the header by the kind of a b-tree page. Other pages begin with a smaller byte."""
FREE_BLOCK_BYTES: Final = 4
"""Header of a free block: the offset of the next one, and its own size."""
AMBIGUOUS_FROM: Final = 0x0200_0000
"""Number of pages from which an overflow page may begin like a b-tree page: 137 GB."""
PAGE_BYTES_MAX: Final = 65_536
_ZEROS: Final = bytes(PAGE_BYTES_MAX)


def blanked(page: bytes, usable: int) -> bytes | None:
    """Return a b-tree page without its unused bytes; None if there is nothing to blank, or it is another.

    ``usable`` is the size of a page without the bytes reserved for extensions.
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
    """Return the unused bytes of the free blocks, or None if the chain is not that of a b-tree page."""
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
