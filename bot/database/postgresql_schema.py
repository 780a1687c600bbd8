"""The PostgreSQL schema: its version, and the migrations that bring a database up to date."""

import json
from pathlib import Path
from typing import Final

from bot.database import identity, slots
from bot.database.facts import fact, remember
from bot.database.postgresql_tx import Tx
from bot.database.share import LOCKS
from bot.errors import StartRefused

VERSION_FACT: Final = "schema"
"""Name of the fact with the version."""
FLEET_TABLES: Final = ("slot", "identify")
"""Tables that exist before the schema."""


def migrations() -> list[tuple[int, list[Path]]]:
    """Return the versions in order, each with its files. The first is SQLite's version at that time."""
    folder = Path(__file__).with_name("migrations") / "postgresql"
    versions: dict[int, list[Path]] = {}
    for file in sorted(folder.glob("*.sql")):
        # Within a version, the tables come before the rules about them.
        versions.setdefault(int(file.name[:4]), []).insert(0 if "tables" in file.name else 1, file)
    return sorted(versions.items())


def current() -> int:
    """Return the version of this program's schema."""
    return migrations()[-1][0]


def schema_version(tx: Tx) -> int:
    """Return the version of the database's schema; 0 if it doesn't have ours."""
    if tx.execute("SELECT to_regclass('fact') AS fact").fetchone()["fact"] is None:
        return 0
    return int(fact(tx, VERSION_FACT) or 0)


def refuse_unusable(tx: Tx) -> None:
    """Refuse a database of another program or of a newer version of this one.

    Raises:
        StartRefused: the database is of another program or a newer version.
    """
    version = schema_version(tx)
    if version > current():
        raise StartRefused(
            f"DATABASE_URL: the database was written by a newer Tunesmith (schema {version}, this one knows "
            f"{current()}); update the program."
        )
    if version == 0:
        tables = tx.execute(
            """SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()
                 AND tablename NOT IN (SELECT value FROM json_each(?))""",
            (json.dumps(FLEET_TABLES),),
        ).fetchone()
        if tables[0]:
            raise StartRefused(
                "DATABASE_URL: the database has tables of another program; create an empty one for Tunesmith."
            )


def refuse_other_schema(tx: Tx) -> None:
    """Refuse a database whose schema is not this program's.

    Raises:
        StartRefused: the database is of another program or version, or empty.
    """
    refuse_unusable(tx)
    version = schema_version(tx)
    if version < current():
        raise StartRefused(
            f"DATABASE_URL: the database has schema {version}, and this program needs {current()}; start "
            "this version of the bot first, which upgrades the database."
        )


def take_slot(tx: Tx, slot: int, size: int, holder: str) -> slots.Held | None:
    """Take a slot that seemed free, and upgrade the schema, within ``slots.exclusively``.

    An older schema is kept while any process uses it; until then, this returns None.

    Raises:
        StartRefused: a newer program has upgraded the schema meanwhile, or the database was restored.
    """
    refuse_unusable(tx)
    identity.refuse_other(tx)
    is_old = schema_version(tx) < current()
    if is_old and slots.locked_slots(tx):
        return None
    held = slots.take(tx, slot, size, holder)
    if held is not None and is_old:
        slots.dismiss_others(tx, slot)
        upgrade(tx)
    if held is not None:
        identity.record_first(tx)
    return held


def migrate(tx: Tx) -> None:
    """Upgrade the schema in one transaction, while nobody uses the database."""
    with slots.exclusively(tx):
        upgrade(tx)


def upgrade(tx: Tx) -> None:
    """Upgrade the schema in the open transaction."""
    tx.execute("SELECT pg_advisory_xact_lock(?, ?)", (LOCKS, slots.SCHEMA_LOCK))
    version = schema_version(tx)
    for number, steps in migrations():
        if number > version:
            for step in steps:
                # Without parameters, so that the server accepts all statements of a file at once.
                tx.connection.execute(step.read_text("utf-8").encode())
    if version < current():
        remember(tx, VERSION_FACT, str(current()))
