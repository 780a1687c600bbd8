"""A file of every earlier schema is upgraded, with its jobs and its ledger intact."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.database import migrating, sqlite_connections
from bot.store.reconcile import reconcile

WRITTEN_BY_THE_FIRST = """
INSERT INTO member VALUES (1, 9001), (2, 9002);
INSERT INTO guild VALUES (7001, 50, 'week', 25), (7002, NULL, NULL, 0);
INSERT INTO job (id, interaction_id, guild_id, channel_id, member_id, may_reference, state, created_at,
                 state_since, due_at, price, day, allowance_part, bonus_part, task_id, reason)
  VALUES (11, 101, 7001, 8001, 1, 1, 'queued', 1000, 1000, 1000, 10, 5, 10, 0, NULL, NULL),
         (12, 102, 7001, 8001, 1, 1, 'delivered', 1000, 2000, NULL, 10, 5, 5, 5, 'task-12', NULL),
         (13, 103, 7001, 8001, 2, 1, 'explained', 1000, 2000, NULL, 10, 5, 10, 0, NULL, 'refused');
INSERT INTO words VALUES (11, 'V5', 0, 0, 'rain', '', '', ''), (12, 'V5', 0, 0, 'snow', '', '', '');
INSERT INTO track VALUES (12, 1, '12-1.mp3', 5000, 'ab', 'https://audio.example/12-1.mp3');
INSERT INTO usage VALUES (7001, 0, 5, 5, 10, 5, 0), (7001, 1, 5, 5, 10, 5, 0), (7001, 2, 5, 0, 0, 0, 0);
INSERT INTO ledger (at, kind, guild_id, day, allowance, bonus, job_id, member_id, actor_id, reason,
                    before, after)
  VALUES (900, 'set', 7001, 5, 0, 0, NULL, NULL, 1, '', '100 a month', '50 a week'),
         (900, 'grant', 7001, 5, 0, 30, NULL, NULL, 1, 'hello', '0', '30'),
         (1000, 'hold', 7001, 5, 10, 0, 11, 1, NULL, '', NULL, NULL),
         (1000, 'hold', 7001, 5, 5, 5, 12, 1, NULL, '', NULL, NULL),
         (1000, 'hold', 7001, 5, 10, 0, 13, 2, NULL, '', NULL, NULL),
         (2000, 'settle', 7001, 5, 5, 5, 12, 1, NULL, '', NULL, NULL),
         (2000, 'release', 7001, 5, 10, 0, 13, 2, NULL, '', NULL, NULL);
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of the first schema with a queued job, a song and a failure."""
    path = tmp_path / "tunesmith.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(migrating.migrations()[0].read_text("utf-8"))
        connection.executescript(WRITTEN_BY_THE_FIRST)
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    return path


def test_a_file_of_the_first_schema_keeps_its_jobs_and_its_ledger(old: Path) -> None:
    with closing(sqlite3.connect(old)) as before:
        entries = before.execute("SELECT id, at, kind, job_id, reason, after FROM ledger").fetchall()
        jobs = before.execute("SELECT id, state, price, task_id FROM job").fetchall()

    with closing(sqlite_connections.connect(old)) as tx:
        assert entries == [
            tuple(row) for row in tx.execute("SELECT id, at, kind, job_id, reason, after FROM ledger")
        ]
        assert jobs == [tuple(row) for row in tx.execute("SELECT id, state, price, task_id FROM job")]
        reconciliation = reconcile(tx)
        assert () == reconciliation.findings
        assert (10, 10, 10) == (reconciliation.held, reconciliation.settled, reconciliation.released)
        assert "ok" == tx.execute("PRAGMA integrity_check").fetchone()[0]
        assert [] == tx.execute("PRAGMA foreign_key_check").fetchall()


@pytest.mark.parametrize(
    "forbidden",
    [
        "UPDATE ledger SET allowance = 0 WHERE id = 3",
        "DELETE FROM ledger WHERE id = 3",
        "REPLACE INTO ledger (id, at, kind, guild_id, day) VALUES (3, 1, 'grant', 7001, 5)",
        """INSERT INTO ledger (at, kind, guild_id, day, job_id, member_id)
           VALUES (1, 'settle', 7001, 5, 13, 2)""",
        "INSERT INTO ledger (at, kind, guild_id, day, job_id, member_id) VALUES (1, 'hold', 7001, 5, 11, 1)",
        "INSERT INTO ledger (at, kind, guild_id, day) VALUES (1, 'refund', 7001, 5)",
        "INSERT INTO ledger (at, kind, guild_id, day) VALUES (1, 'something', 7001, 5)",
    ],
)
def test_a_migrated_ledger_is_as_guarded_as_a_new_one(old: Path, forbidden: str) -> None:
    with closing(sqlite_connections.connect(old)) as tx, pytest.raises(sqlite3.IntegrityError):
        tx.execute(forbidden)


def test_a_migrated_file_has_the_schema_of_a_new_one(old: Path, tmp_path: Path) -> None:
    def schema(path: Path) -> list[tuple[str, ...]]:
        with closing(sqlite_connections.connect(path)) as tx:
            return [
                tuple(row) for row in tx.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
            ]

    assert schema(tmp_path / "new.db") == schema(old)
