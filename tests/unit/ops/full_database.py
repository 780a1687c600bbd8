"""Fill a file with a value in every column of every table, however the schema grows."""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from bot.database import migrating
from bot.database.moved import FACTS

SMALLEST: Final = 1
LARGE: Final = (1 << 62) + 1
"""An id that a float cannot represent."""
WORDS: Final = "Straße 日本 🎵\n\t\\N 'quoted' \"too\" \\."
"""Text that a text format could misinterpret."""
CHOSEN: Final[Mapping[str, Mapping[str, object]]] = {
    "guild": {"id": LARGE, "period": "month", "bonus": 70, "operator_bonus": 50},
    "usage": {"member_id": 0, "bonus_used": 0, "bonus_held": 0},
    "job": {
        "state": "delivered",
        "price": 10,
        "allowance_part": 10,
        "bonus_part": 0,
        "backend": "kie",
        "upstream_credits": 0.1 + 0.2,
        "retry_of": None,
        "again_of": None,
    },
    "draft": {"voice": "male"},
    "budget_alert": {"percent": 80},
    "ledger": {"kind": "settle", "allowance": 10, "bonus": 0},
    "song": {"voice": "female", "duration_s": 60},
    "suspicion": {"kind": "unknown", "backend": "kie"},
    "breaker": {"backend": "kie"},
    "day_total": {"day": 0},  # the UTC day of the first milliseconds
    "job_event": {"kind": "state"},
}
"""Values that the schema requires of a column."""


def fill(path: Path) -> list[str]:
    """Insert a row into each table, without triggers. Return the names of the tables."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = OFF")
        migrating.migrate(connection, path, keep=False)
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for trigger in triggers:
            connection.execute(f"DROP TRIGGER {trigger['name']}")
        tables = [
            row["name"]
            for row in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
        ]
        for table in tables:
            _add(connection, table)
        _balance(connection)
        for trigger in triggers:
            connection.execute(trigger["sql"])
        assert [] == connection.execute("PRAGMA foreign_key_check").fetchall()
    return tables


def _add(connection: sqlite3.Connection, table: str) -> None:
    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    values = {column["name"]: _value(table, column["name"], column["type"], sql) for column in columns}
    for key in connection.execute(f"PRAGMA foreign_key_list({table})"):
        if key["from"] not in CHOSEN.get(table, {}):
            values[key["from"]] = _value(key["table"], key["to"] or "id", "INTEGER", "")
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", values)  # noqa: S608 - ours


def _value(table: str, column: str, kind: str, sql: str) -> object:
    chosen = CHOSEN.get(table, {})
    if column in chosen:
        return chosen[column]
    one_of = re.search(rf"\b{column} IN \('([^']*)'", sql)
    if one_of is not None:
        return one_of[1]
    return {"INTEGER": SMALLEST, "REAL": 0.5, "TEXT": WORDS}[kind]


def _balance(connection: sqlite3.Connection) -> None:
    """Make the books agree with the one delivered song."""
    connection.execute(
        """INSERT INTO ledger (at, kind, guild_id, day, allowance, job_id, member_id)
           SELECT at, 'hold', guild_id, day, allowance, job_id, member_id FROM ledger"""
    )
    connection.execute(
        """INSERT INTO ledger (at, kind, guild_id, day, bonus, actor_id)
           SELECT at, 'grant', guild_id, day, 70, -2 FROM ledger WHERE kind = 'hold'"""
    )
    connection.execute("UPDATE usage SET allowance_used = 10, allowance_held = 0")
    connection.execute(
        """INSERT INTO usage (guild_id, member_id, day, allowance_used)
           SELECT guild_id, 1, day, allowance_used FROM usage"""
    )
    connection.execute("UPDATE day_total SET credits = 10")
    connection.execute("UPDATE song_total SET name = 'parked', credits = 10")
    connection.execute("INSERT INTO song_total SELECT 1, state || ':' || reason, 1, price FROM job")
    connection.execute("UPDATE song_tally SET dislikes = 0, unlisted = 0")
    connection.execute("UPDATE spent_total SET period = 'month', credits = 10")
    connection.execute(
        "INSERT INTO spent_total SELECT guild_id, 'week', -3, member_id, credits FROM spent_total"
    )
    # A number that was assigned once and whose row is gone.
    connection.execute("UPDATE sqlite_sequence SET seq = 70 WHERE name = 'text'")


def content(path: Path, tables: list[str]) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows, with the columns ordered by name."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: [row for row in _rows(connection, table) if table != "fact" or row[0] not in FACTS]
            for table in tables
        }


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    columns = sorted(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
    statement = f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608 - ours
    return sorted(connection.execute(statement).fetchall(), key=repr)
