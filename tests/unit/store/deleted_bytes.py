"""Find deleted data in the files of a database, byte by byte."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bot.database import engine, postgresql
from bot.database.postgresql_tx import Tx, connect
from bot.store import scrub

SIZES = (1, 2, 3, 4, 6, 8)
"""Sizes of integers stored by SQLite, in bytes. Source: https://sqlite.org/fileformat.html#record_format."""

BEGINNING_BYTES = 3
"""Length of the prefix by which values are searched for."""


def files_of(path: Path) -> dict[str, bytes]:
    """Return the database, its log and the log's index, by name."""
    there = (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"))
    return {file.name: file.read_bytes() for file in there if file.exists()}


def bytes_left(path: Path, texts: Iterable[str], ids: Iterable[int]) -> set[tuple[str, str]]:
    """Return the texts and ids that are found, each with the file that contains it."""
    wanted = {text.encode(): text for text in texts}
    for number in ids:
        assert number.bit_length() > 31, "a short number is found anywhere"
        wanted[str(number).encode()] = str(number)
        for size in SIZES:
            if number.bit_length() < size * 8:
                wanted[number.to_bytes(size, "big")] = str(number)
    return {(name, shown) for name, content in files_of(path).items() for shown in _within(content, wanted)}


def _within(content: bytes, wanted: Mapping[bytes, str]) -> Iterator[str]:
    """Yield the values found. The search is by prefix, which hundreds of ids share."""
    for beginning, size in {(part[:BEGINNING_BYTES], len(part)) for part in wanted}:
        at = content.find(beginning)
        while at >= 0:
            shown = wanted.get(content[at : at + size])
            if shown is not None:
                yield shown
            at = content.find(beginning, at + 1)


def server_url(database: object) -> str | None:
    """Return the URL of a database on a server."""
    return database._url if isinstance(database, postgresql.Database) else None


def left_in(database: engine.Database, texts: Iterable[str], ids: Iterable[int]) -> set[tuple[str, str]]:
    """Return the texts and ids still in a database, each with the file or the table that contains it.

    On a server, this covers the rows, and the files of the tables that are rewritten.
    """
    url = server_url(database)
    if url is not None:
        return _left_on_server(url, list(texts), list(ids))
    assert database.files is not None
    return bytes_left(database.files, texts, ids)


def all_bytes(database: engine.Database) -> bytes:
    """Return all bytes of a database, in the sense of ``left_in``."""
    url = server_url(database)
    if url is None:
        assert database.files is not None
        return b"".join(files_of(database.files).values())
    with closing(connect(url, name="tests", options={})) as tx:
        return b"".join([*_rows(tx).values(), *_rewritten(tx, url).values()])


def _left_on_server(url: str, texts: list[str], ids: list[int]) -> set[tuple[str, str]]:
    sought = {text.encode(): text for text in texts} | {b"%d" % number: str(number) for number in ids}
    in_files = sought | {number.to_bytes(8, "little"): str(number) for number in ids}
    with closing(connect(url, name="tests", options={})) as tx:
        places = [(_rows(tx), sought), (_rewritten(tx, url), in_files)]
    return {
        (table, shown)
        for contents, wanted in places
        for table, content in contents.items()
        for shown in _within(content, wanted)
    }


def _rows(tx: Tx) -> dict[str, bytes]:
    """Return the rows of each table."""
    contents = {}
    for (table,) in tx.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    ).fetchall():
        with tx.connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT".encode()) as copy:
            contents[table] = b"".join(bytes(block) for block in copy).replace(b"\\n", b"\n")
    return contents


def _rewritten(tx: Tx, url: str) -> dict[str, bytes]:
    """Return the files of the tables that are rewritten."""
    folder = Path(parse_qs(urlsplit(url).query)["host"][0]) / "data"
    tx.execute("CHECKPOINT")
    return {
        table: (folder / tx.execute("SELECT pg_relation_filepath(?)", (table,)).fetchone()[0]).read_bytes()
        for table in scrub.REWRITTEN
    }
