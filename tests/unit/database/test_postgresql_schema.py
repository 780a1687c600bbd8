"""Both engines have the same schema and give the same guarantees."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.database import migrating, postgresql_schema, slots
from bot.database.engine import ConstraintViolated
from bot.database.postgresql_tx import Tx, connect
from bot.errors import StartRefused
from tests.postgresql import Server
from tests.unit.database import postgresql_tables

ONLY_ON_A_SERVER = set(postgresql_schema.FLEET_TABLES)


@pytest.fixture
def server_tx(postgresql_server: Server) -> Iterator[Tx]:
    tx = connect(postgresql_server.create(), name="tests", options={})
    yield tx
    tx.close()


@pytest.fixture(scope="module")
def file() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        migrating.migrate(connection, Path("memory"), keep=False)
        yield connection


def tables_of(file: sqlite3.Connection) -> list[str]:
    rows = file.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    return [row["name"] for row in rows]


def test_postgresqls_tables_are_derived_from_sqlites_migrations() -> None:
    assert postgresql_tables.derived() == postgresql_tables.TABLES.read_text("utf-8")


def test_both_engines_are_at_the_same_version() -> None:
    assert len(migrating.migrations()) == postgresql_schema.current()


def test_both_engines_have_the_same_columns(server_tx: Tx, file: sqlite3.Connection) -> None:
    rows = server_tx.execute(
        """SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
           JOIN pg_tables ON tablename = table_name AND schemaname = table_schema
           WHERE table_schema = current_schema()"""
    )
    kinds = {"bigint": "INTEGER", "text": "TEXT", "double precision": "REAL"}
    on_server = {
        (row["table_name"], row["column_name"], kinds[row["data_type"]], row["is_nullable"] == "NO")
        for row in rows
        if row["table_name"] not in ONLY_ON_A_SERVER
    }

    assert {
        (table, row["name"], row["type"], bool(row["notnull"] or row["pk"]))
        for table in tables_of(file)
        for row in file.execute(f"PRAGMA table_info({table})")
    } == on_server


def test_both_engines_have_the_same_unique_keys(server_tx: Tx, file: sqlite3.Connection) -> None:
    rows = server_tx.execute(
        """SELECT relation.relname AS table, indpred IS NOT NULL AS partial,
                  array_to_string(array_agg(attname::text ORDER BY place), ',') AS columns
           FROM pg_index JOIN pg_class AS relation ON relation.oid = indrelid
           JOIN pg_namespace ON pg_namespace.oid = relnamespace AND nspname = current_schema()
           CROSS JOIN LATERAL unnest(indkey) WITH ORDINALITY AS key (number, place)
           JOIN pg_attribute ON attrelid = indrelid AND attnum = number
           WHERE indisunique GROUP BY indexrelid, relation.relname, indpred"""
    )
    on_server = sorted(
        (row["table"], row["columns"], bool(row["partial"]))
        for row in rows
        if row["table"] not in ONLY_ON_A_SERVER
    )
    in_file = []
    for table in tables_of(file):
        keys = [row for row in file.execute(f"PRAGMA index_list({table})") if row["unique"]]
        for key in keys:
            columns = [row["name"] for row in file.execute(f"PRAGMA index_info({key['name']})")]
            in_file.append((table, ",".join(columns), bool(key["partial"])))
        if not any(key["origin"] == "pk" for key in keys):  # the id needs no index
            primary = [row["name"] for row in file.execute(f"PRAGMA table_info({table})") if row["pk"]]
            in_file.append((table, ",".join(primary), False))

    assert sorted(in_file) == on_server


def test_both_engines_have_the_same_triggers(server_tx: Tx, file: sqlite3.Connection) -> None:
    on_server = {
        row["tgname"] for row in server_tx.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
    }
    in_file = {row["name"] for row in file.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")}

    assert in_file | {"ledger_is_never_emptied"} == on_server


def test_both_engines_have_the_same_checks(server_tx: Tx, file: sqlite3.Connection) -> None:
    rows = server_tx.execute(
        """SELECT relname, COUNT(*) AS checks FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
           WHERE contype = 'c' GROUP BY relname"""
    )
    texts = {
        table: file.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()["sql"]
        for table in tables_of(file)
    }
    in_file = {table: len(re.findall(r"\bCHECK\b", sql)) for table, sql in texts.items()}

    assert {table: count for table, count in in_file.items() if count} == {
        row["relname"]: row["checks"] for row in rows
    }


def test_a_ledger_on_a_server_cannot_be_emptied(server_tx: Tx) -> None:
    with pytest.raises(ConstraintViolated, match="append-only"):
        server_tx.execute("TRUNCATE ledger")


def test_another_programs_database_is_refused(postgresql_server: Server) -> None:
    tx = connect(postgresql_server.create(template="template0"), name="tests", options={})
    tx.execute("CREATE TABLE orders (id BIGINT)")
    slots.prepare(tx)

    with pytest.raises(StartRefused, match="another program"):
        postgresql_schema.refuse_unusable(tx)
    tx.close()


def test_a_newer_programs_database_is_refused(server_tx: Tx) -> None:
    server_tx.execute("UPDATE fact SET value = '99' WHERE name = 'schema'")

    with pytest.raises(StartRefused, match="newer Tunesmith"):
        postgresql_schema.refuse_unusable(server_tx)


def test_a_migration_that_fails_leaves_nothing(
    postgresql_server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tx = connect(postgresql_server.create(template="template0"), name="tests", options={})
    slots.prepare(tx)
    broken = tmp_path / "0001_broken.sql"
    broken.write_text("CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT); CREATE TABLE fact (x TEXT);")
    monkeypatch.setattr(postgresql_schema, "migrations", lambda: [(1, [broken])])

    with pytest.raises(Exception, match="already exists"):
        postgresql_schema.migrate(tx)

    assert 0 == postgresql_schema.schema_version(tx)
    tx.close()
