"""The operator's balance at the music service, compared with the songs that members can still request."""

import json
import math
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bot.database.engine import Tx
from bot.database.facts import fact, remember
from bot.model import Backend, GuildId
from bot.store import ledger, servers
from bot.store.ledger import Defaults
from bot.store.servers import ServerPolicy
from bot.store.times import milliseconds, moment

SONGS_LOW: Final = 20
"""Number of songs below which the operator is warned that the balance is running out."""
ROUNDING: Final = 1e-9
"""Fraction of a song that a balance may lack: three songs at 0.4 cost 1.2000000000000002."""


class BalanceWarning(StrEnum):
    """Problems with the balance."""

    LOW = "low"
    """The balance pays for fewer than ``SONGS_LOW`` songs."""
    OVERSOLD = "oversold"
    """The balance pays for fewer songs than members can still request."""


class UpstreamTerms(Struct, frozen=True, kw_only=True):
    """A music service that reports a balance, and the settings that bound what members can request."""

    backend: Backend
    song_cost: float | None
    """Price of one song to the operator, in the service's own credits."""
    price: int
    """Price of one song to a server, in the bot's credits."""
    total_credits_max: int
    defaults: Defaults
    policy: ServerPolicy


class BalanceReading(Struct, frozen=True, kw_only=True):
    """A balance in the service's own credits, and when it was read."""

    credits: float
    at: datetime


class Sold(Struct, frozen=True, kw_only=True):
    """Songs that members can still request, and queued ones, which the operator has yet to pay for."""

    credits: int
    songs: int | None
    """None if songs cost nothing, so that their number is unbounded."""


class Upstream(Struct, frozen=True, kw_only=True):
    """The balance compared with what members can still request, and the cost of songs so far."""

    backend: Backend
    reading: BalanceReading | None
    """The last balance read; None if there is none."""
    songs: int | None
    """Number of songs that the balance pays for; None if unknown."""
    sold: Sold
    charged_credits: float = 0.0
    """Reported cost of all songs ever made there, in the service's own credits."""
    charged_songs: int = 0
    """Number of songs with a known cost."""

    @property
    def warnings(self) -> tuple[BalanceWarning, ...]:
        """Problems with the balance."""
        return warnings(self.songs, self.sold)

    @property
    def average_cost(self) -> float | None:
        """Average cost of a song, in the service's own credits."""
        return self.charged_credits / self.charged_songs if self.charged_songs else None


def warnings(songs: int | None, sold: Sold) -> tuple[BalanceWarning, ...]:
    """Return the problems with a balance that pays for ``songs``; none if that number is unknown."""
    if songs is None:
        return ()
    wrong = {
        BalanceWarning.LOW: songs < SONGS_LOW,
        BalanceWarning.OVERSOLD: sold.songs is not None and sold.songs > songs,
    }
    return tuple(warning for warning, holds in wrong.items() if holds)


def songs_paid(credits_: float, song_cost: float | None) -> int | None:
    """Return how many songs a balance pays for; None if their cost is unknown."""
    return max(0, math.floor(credits_ / song_cost + ROUNDING)) if song_cost else None


def sold(tx: Tx, terms: UpstreamTerms, now: datetime) -> Sold:
    """Return what members of all servers can still request now, before any renewal.

    A server counts if it is served and has used the bot, or is named in ``GUILDS`` or allowed by command.
    ``TOTAL_CREDITS_MAX`` bounds their sum. This takes 20 µs per server.
    """
    pools = [
        ledger.balance(tx, guild_id, terms.defaults, now).available
        for guild_id in _guilds(tx, terms.policy)
        if servers.is_served(tx, guild_id, terms.policy)
    ]
    left = max(0, terms.total_credits_max - servers.credits_this_month(tx, now))
    queued, held = tx.execute(
        "SELECT COUNT(*), COALESCE(SUM(price), 0) FROM job WHERE state = 'queued' AND due_at IS NOT NULL"
    ).fetchone()
    credits_ = min(sum(pools), left) + held
    if not terms.price:
        return Sold(credits=credits_, songs=None)
    songs = min(sum(pool // terms.price for pool in pools), left // terms.price) + queued
    return Sold(credits=credits_, songs=songs)


def _guilds(tx: Tx, policy: ServerPolicy) -> frozenset[GuildId]:
    rows = tx.execute("SELECT id FROM guild UNION SELECT guild_id FROM server_rule WHERE allowed = 1")
    return policy.listed | {GuildId(row["id"]) for row in rows}


def last_reading(tx: Tx, backend: Backend) -> BalanceReading | None:
    """Return the last balance read from the service, or None."""
    text = fact(tx, _balance_fact(backend))
    if text is None:
        return None
    credits_, at_ms = json.loads(text)
    return BalanceReading(credits=credits_, at=moment(at_ms))


def compare(tx: Tx, terms: UpstreamTerms, now: datetime, fresh: BalanceReading | None = None) -> Upstream:
    """Compare the balance, ``fresh`` or as last stored, with what members can still request."""
    reading = fresh or last_reading(tx, terms.backend)
    return Upstream(
        backend=terms.backend,
        reading=reading,
        songs=None if reading is None else songs_paid(reading.credits, terms.song_cost),
        sold=sold(tx, terms, now),
    )


def compare_and_average(tx: Tx, terms: UpstreamTerms, now: datetime) -> Upstream:
    """Compare as ``compare`` does, and add the cost of songs so far, which reads every song."""
    charged_credits, charged_songs = tx.execute(
        "SELECT COALESCE(SUM(upstream_credits), 0.0), COUNT(upstream_credits) FROM job WHERE backend = ?",
        (terms.backend,),
    ).fetchone()
    return replace(compare(tx, terms, now), charged_credits=charged_credits, charged_songs=charged_songs)


def record(
    tx: Tx, backend: Backend, reading: BalanceReading, current: tuple[BalanceWarning, ...]
) -> set[BalanceWarning]:
    """Store a balance and its warnings. Returns the warnings that the previous balance did not have."""
    name = f"warnings about the balance of {backend}"
    before = (fact(tx, name) or "").split()
    remember(tx, _balance_fact(backend), json.dumps([reading.credits, milliseconds(reading.at)]))
    remember(tx, name, " ".join(current))
    return {warning for warning in current if warning not in before}


def _balance_fact(backend: Backend) -> str:
    return f"balance of {backend}"
