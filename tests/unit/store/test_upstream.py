"""Songs that members can still request, compared with the operator's balance at the music service."""

import pytest

from bot.balance import ChangedBy, Period
from bot.database.sqlite import Tx
from bot.model import Backend, GuildId, JobState
from bot.store import jobs, ledger, servers, upstream
from bot.store.ledger import Defaults
from bot.store.servers import ServerPolicy
from bot.store.upstream import BalanceReading, BalanceWarning, Sold, UpstreamTerms
from tests.make import GUILD, NOW
from tests.unit.store import rows

OTHER_GUILD = GuildId(7002)
OPERATOR = ChangedBy(actor_id=None, reason="for the party")


def terms(**changes: object) -> UpstreamTerms:
    fields: dict[str, object] = {
        "backend": Backend.KIE,
        "song_cost": 12.0,
        "price": 10,
        "total_credits_max": 10_000,
        "defaults": Defaults(allowance=100, period=Period.MONTH),
        "policy": ServerPolicy(),
    }
    return UpstreamTerms(**fields | changes)  # type: ignore[arg-type]


def sold(tx: Tx, **changes: object) -> tuple[int, int | None]:
    found = upstream.sold(tx, terms(**changes), NOW)
    return found.credits, found.songs


# -- what members can still request


def test_nothing_is_sold_before_a_server_has_used_the_bot(tx: Tx) -> None:
    assert (0, 0) == sold(tx)


def test_allowances_and_bonuses_of_all_servers_are_sold(tx: Tx) -> None:
    ledger.know_guild(tx, GUILD)
    ledger.grant(tx, OTHER_GUILD, 50, OPERATOR, NOW)

    assert (250, 25) == sold(tx)


def test_credits_for_less_than_a_song_are_not_sold_as_one(tx: Tx) -> None:
    for guild_id in (GUILD, OTHER_GUILD):
        ledger.know_guild(tx, guild_id)

    assert (30, 2) == sold(tx, defaults=Defaults(allowance=15, period=Period.MONTH))


def test_the_total_of_all_servers_bounds_the_songs_sold(tx: Tx) -> None:
    for guild_id in (GUILD, OTHER_GUILD):
        ledger.know_guild(tx, guild_id)

    assert [(125, 12), (0, 0)] == [sold(tx, total_credits_max=125), sold(tx, total_credits_max=0)]


def test_a_queued_song_is_sold_and_a_submitted_one_is_paid_for(tx: Tx) -> None:
    job = rows.added(tx)
    while_queued = sold(tx, total_credits_max=20)
    jobs.move(tx, job, JobState.SUBMITTING, now=NOW, due_at=NOW, backend=Backend.KIE)
    submitted = sold(tx, total_credits_max=20)

    assert [(20, 2), (10, 1)] == [while_queued, submitted]


@pytest.mark.parametrize(
    ("policy", "allowed", "songs"),
    [
        (ServerPolicy(), None, 10),
        (ServerPolicy(), False, 0),
        (ServerPolicy(serves_new=False), None, 0),
        (ServerPolicy(serves_new=False), True, 10),
        (ServerPolicy(listed=frozenset({OTHER_GUILD})), None, 10),
        (ServerPolicy(listed=frozenset({OTHER_GUILD})), True, 20),
    ],
)
def test_only_servers_that_are_served_count(
    policy: ServerPolicy, allowed: bool | None, songs: int, tx: Tx
) -> None:
    ledger.know_guild(tx, GUILD)
    if allowed is not None:
        servers.set_allowed(tx, GUILD, NOW, allowed=allowed)

    assert songs == upstream.sold(tx, terms(policy=policy), NOW).songs


def test_free_songs_are_unlimited_and_never_oversold(tx: Tx) -> None:
    ledger.know_guild(tx, GUILD)
    found = upstream.sold(tx, terms(price=0), NOW)

    assert (100, None) == (found.credits, found.songs)
    assert () == upstream.warnings(30, found)


# -- songs covered by the balance


@pytest.mark.parametrize(
    ("credits_", "cost", "songs"),
    [
        (987.6, 12.0, 82),
        (12.0, 12.0, 1),
        (11.99, 12.0, 0),
        (1.2, 0.4, 3),
        (0.0, 12.0, 0),
        (-30.0, 12.0, 0),
        (987.6, None, None),
        (987.6, 0.0, None),
    ],
)
def test_a_balance_pays_for_whole_songs(credits_: float, cost: float | None, songs: int | None) -> None:
    assert songs == upstream.songs_paid(credits_, cost)


@pytest.mark.parametrize(
    ("songs", "requested", "found"),
    [
        (20, 20, ()),
        (20, 21, (BalanceWarning.OVERSOLD,)),
        (19, 19, (BalanceWarning.LOW,)),
        (0, 1, (BalanceWarning.LOW, BalanceWarning.OVERSOLD)),
        (None, 1, ()),
    ],
)
def test_a_balance_is_low_or_oversold(
    songs: int | None, requested: int, found: tuple[BalanceWarning, ...]
) -> None:
    assert found == upstream.warnings(songs, Sold(credits=requested * 10, songs=requested))


# -- stored values


def test_the_last_balance_of_each_service_is_stored_with_its_time(tx: Tx) -> None:
    reading = BalanceReading(credits=987.6, at=NOW)
    upstream.record(tx, Backend.KIE, BalanceReading(credits=5, at=NOW), ())
    upstream.record(tx, Backend.KIE, reading, ())

    assert (reading, None) == (
        upstream.last_reading(tx, Backend.KIE),
        upstream.last_reading(tx, Backend.SSEEDANCE),
    )


def test_a_warning_is_new_once_until_it_has_cleared(tx: Tx) -> None:
    low, oversold = BalanceWarning.LOW, BalanceWarning.OVERSOLD
    reading = BalanceReading(credits=5, at=NOW)
    steps = [(low,), (low, oversold), (oversold,), (low, oversold), (), (oversold,)]

    news = [upstream.record(tx, Backend.KIE, reading, step) for step in steps]

    assert [{low}, {oversold}, set(), {low}, set(), {oversold}] == news


def test_the_actual_cost_of_songs_is_averaged_per_service(tx: Tx) -> None:
    for backend, cost in (
        (Backend.KIE, 12.0),
        (Backend.KIE, 6.5),
        (Backend.KIE, None),
        (Backend.SSEEDANCE, 9.0),
    ):
        job = rows.added(tx)
        tx.execute("UPDATE job SET backend = ?, upstream_credits = ? WHERE id = ?", (backend, cost, job.id))

    found = upstream.compare_and_average(tx, terms(), NOW)

    assert (18.5, 2, 9.25) == (found.charged_credits, found.charged_songs, found.average_cost)
    assert None is upstream.compare_and_average(tx, terms(backend="another"), NOW).average_cost
