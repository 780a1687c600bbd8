"""Find deleted data in the files of a database, byte by byte."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bot.database import engine, postgresql
from bot.database.postgresql_tx import Tx, connect

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


def server_url(database: object) -> str | None:
    """The address of a database on a server."""
    return database._url if isinstance(database, postgresql.Database) else None


def left_in(database: engine.Database, texts: Iterable[str], ids: Iterable[int]) -> set[tuple[str, str]]:
    """Each of the texts and ids that a database still has, with the file or the table that has it.

    On a server, that is what its rows have, and the files of those tables that are rewritten.
    """
    url = server_url(database)
    if url is not None:
        return _left_on_server(url, list(texts), list(ids))
    assert database.files is not None
    return bytes_left(database.files, texts, ids)


def all_bytes(database: engine.Database) -> bytes:
    """All that a database has, in the sense of ``left_in``."""
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
        for part, shown in wanted.items()
        if part in content
    }


def _rows(tx: Tx) -> dict[str, bytes]:
    """The rows of each table."""
    contents = {}
    for (table,) in tx.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    ).fetchall():
        with tx.connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT".encode()) as copy:
            contents[table] = b"".join(bytes(block) for block in copy).replace(b"\\n", b"\n")
    return contents


def _rewritten(tx: Tx, url: str) -> dict[str, bytes]:
    """The files of those tables that are rewritten."""
    folder = Path(parse_qs(urlsplit(url).query)["host"][0]) / "data"
    tx.execute("CHECKPOINT")
    return {
        table: (folder / tx.execute("SELECT pg_relation_filepath(?)", (table,)).fetchone()[0]).read_bytes()
        for table in postgresql.REWRITTEN
    }
