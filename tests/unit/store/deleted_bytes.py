"""Find deleted data in the files of a database, byte by byte."""

from collections.abc import Iterable
from pathlib import Path

SIZES = (1, 2, 3, 4, 6, 8)
"""In bytes, of integers as SQLite stores them. Source: https://sqlite.org/fileformat.html#record_format."""


def files_of(path: Path) -> dict[str, bytes]:
    """The database, its log and the log's index, by their names."""
    there = (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"))
    return {file.name: file.read_bytes() for file in there if file.exists()}


def bytes_left(path: Path, texts: Iterable[str], ids: Iterable[int]) -> set[tuple[str, str]]:
    """Each of the texts and ids that is found, with the file that has it."""
    wanted = {text.encode(): text for text in texts}
    for number in ids:
        assert number.bit_length() > 31, "a short number is found anywhere"
        wanted[str(number).encode()] = str(number)
        for size in SIZES:
            if number.bit_length() < size * 8:
                wanted[number.to_bytes(size, "big")] = str(number)
    return {
        (name, shown)
        for name, content in files_of(path).items()
        for sought, shown in wanted.items()
        if sought in content
    }
