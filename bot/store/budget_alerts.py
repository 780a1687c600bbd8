"""Budget alerts: recorded with the song that used up the allowance, sent once."""

from datetime import datetime

from msgspec import Struct

from bot.database.engine import Tx
from bot.model import ChannelId, GuildId
from bot.store import ledger, quotas
from bot.store.ledger import Defaults
from bot.store.times import milliseconds, moment

MARKS = (80, 100)
"""Alert thresholds, in percent of the allowance."""


class BudgetAlert(Struct, frozen=True, kw_only=True):
    """An alert about a server's budget."""

    id: int
    channel_id: ChannelId
    percent: int
    used: int
    allowance: int
    renews_at: datetime
    started_at: datetime | None
    """When the first attempt to send it began; None before that."""
    locale: str = ""
    """The server's language, as a Discord locale code."""


def mark(tx: Tx, guild_id: GuildId, defaults: Defaults, now: datetime) -> None:
    """Record the thresholds that spending has reached for the first time in the period."""
    channel_id = quotas.alerts_channel(tx, guild_id)
    if channel_id is None:
        return
    balance = ledger.balance(tx, guild_id, defaults, now)
    first_day, _ = balance.days
    for percent in MARKS:
        if balance.allowance and balance.used * 100 >= balance.allowance * percent:
            tx.execute(
                """INSERT INTO budget_alert (guild_id, first_day, percent, channel_id, used, allowance,
                                             renews_at, due_at)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING""",
                (
                    *(guild_id, first_day, percent, channel_id, balance.used, balance.allowance),
                    *(milliseconds(balance.renews_at), milliseconds(now)),
                ),
            )


def due(tx: Tx, now: datetime, limit: int) -> list[BudgetAlert]:
    """Return up to ``limit`` due alerts, oldest first."""
    # The plus keeps SQLite from scanning all alerts by id, including sent ones.
    rows = tx.execute(
        """SELECT budget_alert.*, guild.locale FROM budget_alert JOIN guild ON guild.id = guild_id
           WHERE due_at <= ? ORDER BY +budget_alert.id LIMIT ?""",
        (milliseconds(now), limit),
    ).fetchall()
    return [
        BudgetAlert(
            id=row["id"],
            channel_id=row["channel_id"],
            percent=row["percent"],
            used=row["used"],
            allowance=row["allowance"],
            renews_at=moment(row["renews_at"]),
            started_at=None if row["started_at"] is None else moment(row["started_at"]),
            locale=row["locale"],
        )
        for row in rows
    ]


def next_due(tx: Tx) -> datetime | None:
    """Return when the next alert is due."""
    (due_ms,) = tx.execute("SELECT MIN(due_at) FROM budget_alert WHERE due_at IS NOT NULL").fetchone()
    return None if due_ms is None else moment(due_ms)


def drop_due(tx: Tx) -> None:
    """Drop every alert that has not been sent yet."""
    tx.execute("UPDATE budget_alert SET due_at = NULL WHERE due_at IS NOT NULL")


def put_off(tx: Tx, alert: BudgetAlert, due_at: datetime | None, started_at: datetime | None) -> None:
    """Reschedule an alert that was first sent at ``started_at``; ``due_at`` of None ends it."""
    tx.execute(
        "UPDATE budget_alert SET due_at = ?, started_at = ? WHERE id = ?",
        (
            None if due_at is None else milliseconds(due_at),
            None if started_at is None else milliseconds(started_at),
            alert.id,
        ),
    )
