"""Moving a file's rows to a server, whole or not at all."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

from bot.database import filling, identity, moved, postgresql, postgresql_schema, slots
from bot.database.engine import DatabaseError
from bot.database.exclusive_lock import exclusive_lock
from bot.database.facts import fact
from bot.database.postgresql_tx import Tx, connect
from bot.database.sqlite import Database
from bot.errors import AlreadyRuns, NotDone, StartRefused
from bot.ops import backup
from bot.ops.move import Moved, move, place_of
from bot.store.reconcile import reconcile
from bot.store.scrub import PAGE_FACT
from tests import make
from tests.postgresql import Server
from tests.unit.ops import full_database

OWN_FACTS = (identity.IDENTITY_FACT, filling.ORIGIN_FACT, "schema")


def silent(_: str, __: int, ___: int) -> None:
    """Ignore the progress."""


def moves(path: Path, url: str) -> Moved:
    return move(f"sqlite:///{path}", url, silent)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tunesmith.db"


@pytest.fixture(scope="session")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[str]]:
    """A file with rows in all tables, created once, and the names of the tables."""
    path = tmp_path_factory.mktemp("full") / "tunesmith.db"
    tables = full_database.fill(path)
    return path.read_bytes(), tables


@pytest.fixture
def tables(path: Path, full_file: tuple[bytes, list[str]]) -> list[str]:
    """Return the file's tables, each of which has rows."""
    content, tables = full_file
    path.write_bytes(content)
    return tables


@pytest.fixture
def url(postgresql_server: Server) -> str:
    return postgresql_server.create(template="template0")


def on_server(url: str, tables: list[str]) -> dict[str, list[tuple[object, ...]]]:
    found = {}
    with psycopg.connect(url) as connection:
        for table in tables:
            names = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,)
            )
            columns = ", ".join(sorted(row[0] for row in names))
            rows = connection.execute(f"SELECT {columns} FROM {table}".encode()).fetchall()  # noqa: S608 - ours
            found[table] = sorted((row for row in rows if row[0] not in OWN_FACTS), key=repr)
    return found


def is_empty(url: str) -> bool:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {row[0] for row in rows} <= {"slot", "identify"}


async def refusal_of(path: Path) -> str:
    """Return the sentence with which a bot refuses to start on the file."""
    with pytest.raises(StartRefused) as refusal:
        async with Database.open(path):
            pass
    return str(refusal.value)


async def starts_on(path: Path) -> bool:
    async with Database.open(path) as database:
        return () == (await database.read(reconcile)).findings


def test_every_row_of_every_table_arrives(path: Path, tables: list[str], url: str) -> None:
    before = full_database.content(path, tables)

    result = moves(path, url)

    assert all(before.values())
    assert before == on_server(url, tables)
    assert sum(map(len, before.values())) == result.rows
    assert result.books is not None
    assert (1, 3, ()) == (result.books.jobs, result.books.entries, result.books.findings)


async def test_the_books_on_the_server_match_the_file(path: Path, tables: list[str], url: str) -> None:
    del tables
    async with Database.open(path) as database:
        before = await database.read(reconcile)
    moves(path, url)

    async with postgresql.Database.open(url) as database_on_server:
        assert before == await database_on_server.read(reconcile)


def test_numbers_continue_after_those_of_the_file(path: Path, tables: list[str], url: str) -> None:
    del tables
    moves(path, url)

    with psycopg.connect(url) as connection:
        member = connection.execute("INSERT INTO member (discord_id) VALUES (5) RETURNING id").fetchone()
        text = connection.execute(
            "INSERT INTO text (author_id, value) VALUES (1, 'new') RETURNING id"
        ).fetchone()

    assert ((2,), (71,)) == (member, text)


def test_the_triggers_are_enabled_again(path: Path, tables: list[str], url: str) -> None:
    del tables
    moves(path, url)

    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.RaiseException):
        connection.execute("UPDATE ledger SET allowance = 0")


def test_facts_about_the_file_itself_are_not_moved(path: Path, tables: list[str], url: str) -> None:
    del tables
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO fact VALUES (?, '7000')", (PAGE_FACT,))
        connection.commit()

    moves(path, url)

    tx = connect(url, name="tests", options={})
    assert [None, None, None] == [fact(tx, name) for name in (PAGE_FACT, *moved.FACTS)]
    tx.close()


async def test_no_bot_ever_starts_on_the_file_again(path: Path, tables: list[str], url: str) -> None:
    del tables
    moves(path, url)

    sentence = f"{path} was moved to {place_of(url)} and is closed for good; set DATABASE_URL to that."
    assert f"DATABASE_URL: {sentence}" == await refusal_of(path)
    with closing(sqlite3.connect(path)) as connection:  # the version that earlier programs check
        assert connection.execute("PRAGMA user_version").fetchone()[0] > 1_000_000


def test_a_moved_file_is_neither_moved_again_nor_replaced(
    path: Path, tables: list[str], url: str, tmp_path: Path, postgresql_server: Server
) -> None:
    del tables
    earlier, later = tmp_path / "earlier.db", tmp_path / "later.db"
    backup.backup(path, earlier, silent)
    moves(path, url)
    backup.backup(path, later, silent)

    with pytest.raises(NotDone, match=r"has already been moved to"):
        moves(path, postgresql_server.create(template="template0"))
    with pytest.raises(NotDone, match="closed for good"):
        backup.restore(path, earlier, make.NOW, silent)
    with pytest.raises(NotDone, match="copy of a database that was moved"):
        backup.restore(tmp_path / "new.db", later, make.NOW, silent)


# -- refusals that change nothing


def in_use_by_a_bot(_: Path, url: str) -> Callable[[], object]:
    tx = connect(url, name="tests", options={})
    tx.execute("SELECT pg_advisory_lock(?, 0)", (0x54554E45,))
    return tx.close


def another_programs(_: Path, url: str) -> Callable[[], object]:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE orders (id BIGINT)")
    return lambda: None


def with_a_row(path: Path, url: str) -> Callable[[], object]:
    moves(path, url)
    full_database.fill(path.with_name("second.db"))
    path.write_bytes(path.with_name("second.db").read_bytes())
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE fact SET value = '' WHERE name = 'moved from'")
    return lambda: None


def used_before(_: Path, url: str) -> Callable[[], object]:
    filled_by(url, "INSERT INTO fact VALUES ('epoch', '3')")
    return lambda: None


def newer(_: Path, url: str) -> Callable[[], object]:
    filled_by(url, "UPDATE fact SET value = '99' WHERE name = 'schema'")
    return lambda: None


def filled_by(url: str, statement: str) -> None:
    tx = connect(url, name="tests", options={})
    slots.prepare(tx)
    postgresql_schema.migrate(tx)
    tx.execute(statement)
    tx.close()


def open_elsewhere(path: Path, _: str) -> Callable[[], object]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("SELECT * FROM fact").fetchall()
    return connection.close


def run_by_a_bot(path: Path, _: str) -> Callable[[], object]:
    lock = exclusive_lock(path)
    lock.__enter__()
    return lambda: lock.__exit__(None, None, None)


def of_an_older_schema(path: Path, _: str) -> Callable[[], object]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 6")
    return lambda: None


def of_a_newer_schema(path: Path, _: str) -> Callable[[], object]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    return lambda: None


def of_another_program(path: Path, _: str) -> Callable[[], object]:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
    return lambda: None


def missing(path: Path, _: str) -> Callable[[], object]:
    path.unlink()
    return lambda: None


def damaged(path: Path, _: str) -> Callable[[], object]:
    path.write_bytes(b"SQLite format 3\0" + bytes(5_000))
    return lambda: None


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (in_use_by_a_bot, "A bot is running on the PostgreSQL database"),
        (another_programs, "another program"),
        (with_a_row, "not empty"),
        (used_before, "not empty"),
        (newer, "newer Tunesmith"),
        (open_elsewhere, "open in another program"),
        (run_by_a_bot, "already runs"),
        (of_an_older_schema, "has schema 6, and this program needs"),
        (of_a_newer_schema, "has schema 99, and this program needs"),
        (of_another_program, "not a Tunesmith database"),
        (missing, "is not a file"),
        (damaged, "can't be read"),
    ],
)
def test_a_source_or_target_not_ready_for_a_move_is_refused(
    path: Path,
    tables: list[str],
    url: str,
    prepare: Callable[[Path, str], Callable[[], object]],
    sentence: str,
) -> None:
    del tables
    undo = prepare(path, url)
    before = path.read_bytes() if path.exists() else None

    with pytest.raises((NotDone, StartRefused), match=sentence):
        moves(path, url)

    undo()
    with closing(sqlite3.connect(path)) as connection:
        if before is not None and prepare is not damaged:
            assert moved.begun(connection) is None
            assert moved.destination(connection) is None


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("data.db", "postgresql://u@h/d"),
        ("postgresql://u@h/d", "sqlite:///data.db"),
        ("sqlite:///x", "mysql://h"),
        ("sqlite:///x", "postgresql://user:hunter2/with/slash@h/d"),
    ],
)
def test_unsupported_urls_are_refused_without_showing_a_password(source: str, target: str) -> None:
    with pytest.raises(NotDone) as refused:
        move(source, target, silent)

    assert "hunter2" not in str(refused.value)


def test_a_server_out_of_reach_is_named_without_the_password(path: Path, tables: list[str]) -> None:
    del tables
    with pytest.raises(StartRefused) as refused:
        moves(path, "postgresql://tunesmith:hunter2hunter2@127.0.0.1:1/songs")

    assert "hunter2" not in str(refused.value)


def test_the_name_of_a_place_has_neither_user_nor_password() -> None:
    places = {
        "postgresql://me:secret@db.example.net:5433/songs?sslmode=require": "postgresql://db.example.net:5433/songs",
        "postgresql://me:secret@/songs?host=/run/pg&password=secret": "postgresql:///run/pg/songs",
    }

    assert list(places.values()) == [place_of(url) for url in places]


async def test_books_that_differ_stop_the_move(
    path: Path, tables: list[str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del tables
    copy = filling.Filling.copy

    def loses_one(self: filling.Filling, table: str, columns: list[str], rows: object) -> None:
        copy(self, table, columns, [] if table == "usage" else rows)  # type: ignore[arg-type]

    monkeypatch.setattr(filling.Filling, "copy", loses_one)
    with pytest.raises(NotDone, match="reconciliations of the two databases differ"):
        moves(path, url)

    assert is_empty(url)
    assert await starts_on(path)


async def test_rows_lost_on_the_way_stop_the_move(
    path: Path, tables: list[str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del tables
    copy = filling.Filling.copy

    def loses_one(self: filling.Filling, table: str, columns: list[str], rows: object) -> None:
        copy(self, table, columns, [] if table == "refused_word" else rows)  # type: ignore[arg-type]

    monkeypatch.setattr(filling.Filling, "copy", loses_one)
    with pytest.raises(NotDone, match="0 of 1 rows of refused_word arrived"):
        moves(path, url)

    assert is_empty(url)
    assert await starts_on(path)


# -- interrupted


KILLED = """
import os, signal, sys
from bot.database import filling, moved
from bot.ops import move

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

owner, name, after = {owner}, {name!r}, {after}
original = getattr(owner, name)
def killed(*arguments):
    if after:
        original(*arguments)
    die()
setattr(owner, name, killed)
move.move(sys.argv[1], sys.argv[2], lambda *_: None)
"""


@pytest.mark.parametrize(
    ("owner", "name", "after", "committed", "recorded"),
    [
        ("filling.Filling", "count_on", False, False, False),
        ("moved.SourceFile", "begin", False, False, False),
        ("moved.SourceFile", "begin", True, False, True),
        ("filling.Filling", "commit", True, True, True),
        ("moved.SourceFile", "close_for_good", True, True, True),
    ],
)
async def test_a_kill_leaves_the_file_or_a_move_that_is_completed(
    path: Path,
    tables: list[str],
    url: str,
    owner: str,
    name: str,
    *,
    after: bool,
    committed: bool,
    recorded: bool,
) -> None:
    before = full_database.content(path, tables)
    script = KILLED.format(owner=owner, name=name, after=after)

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, f"sqlite:///{path}", url), cwd=Path(__file__).parents[3]
    )

    assert -signal.SIGKILL == await process.wait()
    assert committed is not is_empty(url)
    if recorded:
        assert place_of(url) in await refusal_of(path)
    else:
        assert await starts_on(path)
    if name != "close_for_good":
        result = moves(path, url)
        assert committed is (result.rows is None)
    assert before == on_server(url, tables)
    assert "closed for good" in await refusal_of(path)


async def test_an_interrupted_move_continues_to_the_same_place(
    path: Path, tables: list[str], url: str, postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    del tables
    stopped = KeyboardInterrupt()

    def interrupted(*_: object) -> NoReturn:
        raise stopped

    monkeypatch.setattr(filling.Filling, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        moves(path, url)
    monkeypatch.undo()

    with pytest.raises(NotDone, match=f"to {place_of(url)} was interrupted"):
        moves(path, postgresql_server.create(template="template0"))
    assert "interrupted before it was complete" in await refusal_of(path)
    moves(path, url)


@pytest.mark.parametrize("committed", [True, False])
async def test_a_commit_whose_answer_is_lost_is_looked_up(
    path: Path, tables: list[str], url: str, monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    del tables
    commit = filling.Filling.commit

    def loses(self: filling.Filling, token: str) -> None:
        if committed:
            commit(self, token)
        self.tx.close()
        raise DatabaseError("the connection was lost")

    monkeypatch.setattr(filling.Filling, "commit", loses)
    if committed:
        moves(path, url)
        assert "closed for good" in await refusal_of(path)
    else:
        with pytest.raises(NotDone, match="nothing was changed"):
            moves(path, url)
        assert await starts_on(path)
    assert committed is not is_empty(url)


def test_a_bot_that_starts_meanwhile_waits_for_the_move(
    path: Path, tables: list[str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del tables
    begin = moved.SourceFile.begin
    found: list[bool] = []

    def looks(self: moved.SourceFile, place: str) -> moved.Move:
        with closing(connect(url, name="tests", options={})) as tx:
            found.append(may_change_the_schema(tx))
        return begin(self, place)

    monkeypatch.setattr(moved.SourceFile, "begin", looks)
    moves(path, url)

    assert [False] == found


def may_change_the_schema(tx: Tx) -> bool:
    return bool(tx.execute("SELECT pg_try_advisory_lock(?, -1)", (0x54554E45,)).fetchone()[0])


def test_nobody_reads_or_writes_the_file_meanwhile(
    path: Path, tables: list[str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del tables
    commit = filling.Filling.commit
    found: list[str] = []

    def looks(self: filling.Filling, token: str) -> None:
        with closing(sqlite3.connect(path, timeout=0)) as other:
            try:
                other.execute("SELECT * FROM fact").fetchall()
            except sqlite3.OperationalError as error:
                found.append(str(error))
        with pytest.raises(AlreadyRuns), exclusive_lock(path):
            pass
        commit(self, token)

    monkeypatch.setattr(filling.Filling, "commit", looks)
    moves(path, url)

    assert ["database is locked"] == found
