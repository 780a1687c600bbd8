"""Export files for members and managers, written incrementally in parts small enough for Discord.

Memory holds only the piece being written, and the disk at most ``PARTS_MAX`` parts: in a container, the
temporary directory may be memory too.
"""

import asyncio
import gzip
import json
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from bot.refusals import ExportRunning

PART_MAX_BYTES: Final = 8 * 1024 * 1024
"""Compressed size at which a part ends, and maximum size of a single plain file; Discord accepts 10 MiB."""
PARTS_MAX: Final = 5
"""Maximum number of parts; anything beyond is left out, and the answer says so."""


class Export(Struct, frozen=True, kw_only=True):
    """The files of an export."""

    paths: tuple[Path, ...]
    count: int
    """Number of songs or entries exported."""
    complete: bool
    """Whether nothing was left out."""


class OneExportEach:
    """Allows each person one export at a time, and writes one at a time overall."""

    def __init__(self) -> None:
        self._people: set[int] = set()
        self._disk = asyncio.Lock()

    @asynccontextmanager
    async def of(self, person: int) -> AsyncIterator[None]:
        """Wait for the disk, and reserve it for the person's export within the block.

        Raises:
            ExportRunning: the person already has an export running.
        """
        if person in self._people:
            raise ExportRunning
        self._people.add(person)
        try:
            async with self._disk:
                yield
        finally:
            self._people.discard(person)


class Part:
    """A compressed file that grows."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.plain_bytes = 0
        self._closed_last = ExitStack()
        self._file = self._closed_last.enter_context(path.open("wb"))
        self._packed = self._closed_last.enter_context(gzip.GzipFile(name, "wb", fileobj=self._file))

    def write(self, text: str) -> int:
        """Write a piece, with the signature that ``csv`` and ``json`` expect of a file."""
        data = text.encode()
        self._packed.write(data)
        self.plain_bytes += len(data)
        return len(text)

    @property
    def full(self) -> bool:
        """Whether the next piece belongs in a new part."""
        return self._file.tell() >= PART_MAX_BYTES

    def close(self) -> None:
        """Complete the file."""
        self._closed_last.close()


class PartFiles:
    """The files of one export: a single ``name.json``, or ``name-1.json.gz``, ``name-2.json.gz`` etc."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: list[Part] = []

    def begin(self) -> Part:
        """Close the current part and begin the next."""
        self.close()
        number = len(self._parts) + 1
        name = f"{self._path.stem}-{number}{self._path.suffix}"
        self._parts.append(Part(self._path.with_name(f"{name}.gz"), name))
        return self._parts[-1]

    @property
    def last(self) -> bool:
        """Whether the current part is the last one allowed."""
        return len(self._parts) >= PARTS_MAX

    def close(self) -> None:
        """Close the current part."""
        for part in self._parts[-1:]:
            part.close()

    def finish(self) -> tuple[Path, ...]:
        """Return the files; a single small one is uncompressed."""
        self.close()
        if len(self._parts) == 1:
            (part,) = self._parts
            if part.plain_bytes <= PART_MAX_BYTES:
                with gzip.open(part.path) as packed, self._path.open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
                part.path.unlink()
                return (self._path,)
            return (part.path.rename(self._path.with_name(f"{self._path.name}.gz")),)
        return tuple(part.path for part in self._parts)


def write_json(path: Path, head: Mapping[str, object], sections: Mapping[str, Iterable[object]]) -> Export:
    """Write JSON in parts, each a complete document.

    Counts the entries of the first section.
    """
    files = PartFiles(path)
    part, complete, count = _begin(files, head), True, 0
    first, *_ = sections
    for section, values in sections.items():
        part.write(f",\n  {json.dumps(section)}: [")
        separator = ""
        for value in values:
            if part.full and files.last:
                complete = False
                break
            if part.full:
                part.write("]\n}\n")
                part, separator = _begin(files, head), ""
                part.write(f",\n  {json.dumps(section)}: [")
            part.write(f"{separator}\n    {json.dumps(value, ensure_ascii=False)}")
            separator, count = ",", count + (section == first)
        part.write("]")
    part.write("\n}\n")
    return Export(paths=files.finish(), count=count, complete=complete)


def _begin(files: PartFiles, head: Mapping[str, object]) -> Part:
    """Begin a part with the document's head, and leave the document open."""
    part = files.begin()
    part.write(json.dumps(head, ensure_ascii=False, indent=2).removesuffix("\n}"))
    return part
