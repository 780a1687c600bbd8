"""A database restored by something other than `tunesmith restore`."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from bot.database import engine, identity, postgresql, postgresql_writer
from bot.database.facts import fact, remember
from bot.database.postgresql_tx import connect
from bot.database.sqlite import Database, Tx
from bot.errors import AlreadyRuns, NotDone, StartRefused
from bot.model import FailReason, JobState
from bot.ops import restored
from bot.store import jobs
from tests import make
from tests.postgresql import Server, serving
from tests.unit.store.rows import added, put


def ask(tx: Tx) -> int:
    """Add a queued song and one with a request in flight. Return the number of jobs."""
    added(tx, interaction_id=1)
    put(tx, added(tx, interaction_id=2), JobState.SUBMITTING)
    put(tx, added(tx, interaction_id=3), JobState.RUNNING)
    return 3


def asked(tx: engine.Tx) -> int:
    return ask(cast("Tx", tx))  # the tests' name for a transaction


async def used(url: str) -> None:
    """Run a bot on a database."""
    async with postgresql.Database.open(url) as database:
        await database.write(asked)


async def refusal_of(url: str) -> str:
    with pytest.raises(StartRefused) as refusal:
        async with postgresql.Database.open(url):
            pass
    return str(refusal.value)


async def starts_on(url: str) -> bool:
    async with postgresql.Database.open(url) as database:
        rows = await database.read(lambda tx: tx.execute("SELECT id FROM job").fetchall())
    return len(rows) == 3


def dumped_into_another(server: Server, url: str) -> str:
    return dumped(server, url, server.create(template="template0"))


def dumped_into_the_same(server: Server, url: str) -> str:
    return dumped(server, url, url)


def dumped(server: Server, url: str, target: str) -> str:
    file = server.folder / "songs.dump"
    server.run("pg_dump", "--format=custom", f"--file={file}", url)
    server.run("pg_restore", "--clean", "--if-exists", f"--dbname={target}", str(file))
    return target


def copied(server: Server, url: str) -> str:
    return server.create(template=url.partition("@/")[2].partition("?")[0])


@pytest.mark.parametrize("by", [dumped_into_another, dumped_into_the_same, copied])
async def test_a_restored_database_is_refused_until_the_operator_accepts_it(
    postgresql_server: Server, by: Callable[[Server, str], str]
) -> None:
    url = postgresql_server.create()
    await used(url)
    assert await starts_on(url)

    target = by(postgresql_server, url)

    assert "run `tunesmith restored`" in await refusal_of(target)
    with pytest.raises(StartRefused):
        async with postgresql.Database.attach(target):
            pass
    accepted = restored.accept(target, make.NOW)
    assert {JobState.QUEUED: 1, JobState.SUBMITTING: 1, JobState.RUNNING: 1} == accepted.marked
    assert accepted.balanced
    assert await starts_on(target)


async def test_a_promoted_replica_is_refused_and_ends_the_bot_that_runs() -> None:
    with serving() as server:
        url = server.create()
        lost: list[str] = []

        def die(reason: str) -> None:
            lost.append(reason)
            raise StartRefused(reason)

        async with postgresql.Database.open(url, lost=die) as database:  # type: ignore[arg-type]
            await database.write(asked)
            server.stop("fast")
            (server.folder / "data/standby.signal").touch()
            server.start()
            server.run("pg_ctl", "promote", "-w", "-D", f"{server.folder}/data")
            with pytest.raises(StartRefused):
                await database.write(lambda tx: remember(tx, "after", "the failover"))

            assert "failed over" in lost[0]
        with closing(connect(url, name="tests", options={})) as tx:
            assert fact(tx, "after") is None
        assert "failed over" in await refusal_of(url)
        restored.accept(url, make.NOW, complete=True)
        assert await starts_on(url)


async def test_a_restart_of_the_server_is_not_a_restore() -> None:
    with serving() as server:
        url = server.create()
        await used(url)
        server.stop("immediate")
        server.start()

        assert await starts_on(url)


async def test_a_standby_does_not_start_on_a_database_restored_meanwhile(postgresql_server: Server) -> None:
    url = postgresql_server.create()
    await used(url)
    writer = postgresql_writer.Writer(url, takeover_s=5.0)
    assert writer.attempt()
    writer.close()
    with closing(connect(url, name="tests", options={})) as tx:
        tx.execute("UPDATE fact SET value = 'another' WHERE name = ?", (identity.IDENTITY_FACT,))

    assert "run `tunesmith restored`" in await refusal_of(url)


async def test_work_possibly_done_since_the_backup_is_not_repeated(postgresql_server: Server) -> None:
    url = postgresql_server.create()
    await used(url)

    restored.accept(url, make.NOW)

    async with postgresql.Database.open(url) as database:
        rows = await database.read(
            lambda tx: tx.execute(
                "SELECT state, reason, restored_at IS NOT NULL FROM job ORDER BY interaction_id"
            ).fetchall()
        )
    assert [
        ("failed", FailReason.EXPIRED, True),
        ("failed", FailReason.OUTCOME_UNKNOWN, True),
        ("running", None, True),
    ] == [tuple(row) for row in rows]


async def test_a_complete_database_is_accepted_unchanged(postgresql_server: Server) -> None:
    url = postgresql_server.create()
    await used(url)
    target = copied(postgresql_server, url)

    accepted = restored.accept(target, make.NOW, complete=True)

    assert not accepted.marked
    async with postgresql.Database.open(target) as database:
        states = await database.read(lambda tx: {job.state for job in jobs.unfinished(tx)})
    assert {JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING} == states


async def test_no_bot_may_run_while_a_restored_database_is_accepted(postgresql_server: Server) -> None:
    url = postgresql_server.create()
    async with postgresql.Database.open(url):
        with pytest.raises(NotDone, match="A bot is running"):
            restored.accept(url, make.NOW)


async def test_an_empty_database_has_nothing_to_accept(postgresql_server: Server) -> None:
    with pytest.raises(StartRefused, match="schema 0"):
        restored.accept(postgresql_server.create(template="template0"), make.NOW)


def test_an_unprivileged_role_can_identify_its_database(postgresql_server: Server) -> None:
    postgresql_server.execute("CREATE ROLE plain LOGIN")
    url = postgresql_server.create()
    name = url.partition("@/")[2].partition("?")[0]
    postgresql_server.execute("GRANT SELECT ON fact TO plain", name)

    found_by = []
    for role in ("plain", "tunesmith"):
        with closing(connect(url.replace("//tunesmith@", f"//{role}@"), name="tests", options={})) as tx:
            found_by.append(identity.current(tx))

    assert found_by[0] == found_by[1]


def test_a_hidden_system_number_leaves_the_other_identifiers(postgresql_server: Server) -> None:
    with closing(connect(postgresql_server.create(), name="tests", options={})) as tx:
        known = identity.current(tx)
        tx.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        tx.execute("CREATE ROLE kept_out")
        tx.execute("GRANT SELECT ON fact TO kept_out")
        tx.execute("SET ROLE kept_out")

        assert identity.current(tx).startswith("system -, timeline 00000001, database ")
        assert known.startswith("system 7")


# -- a file


async def test_a_file_restored_by_hand_is_marked_too(tmp_path: Path) -> None:
    path = tmp_path / "tunesmith.db"
    async with Database.open(path) as database:
        await database.write(asked)

    accepted = restored.accept(path, make.NOW)

    assert {JobState.QUEUED: 1, JobState.SUBMITTING: 1, JobState.RUNNING: 1} == accepted.marked
    async with Database.open(path) as database:
        states = await database.read(lambda tx: sorted(job.state for job in jobs.unfinished(tx)))
    assert [JobState.FAILED, JobState.FAILED, JobState.RUNNING] == states


async def test_no_bot_may_run_while_a_restored_file_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "tunesmith.db"
    async with Database.open(path):
        with pytest.raises(AlreadyRuns):
            restored.accept(path, make.NOW)


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "tunesmith.db"
    with pytest.raises(NotDone):
        restored.accept(path, make.NOW)

    assert not path.exists()
