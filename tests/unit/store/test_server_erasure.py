"""A server that the operator forgets: what is removed, what is kept, and what it waits for."""

from datetime import timedelta
from typing import Any

import pytest

from bot.database.sqlite import Tx
from bot.model import ChannelId, DiscordUserId, DraftId, GuildId, Job, JobState
from bot.store import budget_alerts, jobs, ledger, members, quotas, server_erasure, servers, texts
from bot.store.reconcile import reconcile
from bot.store.server_erasure import ServerData
from tests import make
from tests.make import GUILD, MEMBER, NOW, OTHER
from tests.unit.store.rows import RICH, added, found, put, released, settled

ELSEWHERE = GuildId(GUILD + 1)
THIRD = DiscordUserId(9003)


def done(tx: Tx, **changes: Any) -> Job:  # noqa: ANN401 - those of make.origin
    job = added(tx, **changes)
    settled(tx, job)
    return put(tx, job, JobState.DELIVERED, due=False)


def forget(tx: Tx) -> None:
    server_erasure.begin(tx, GUILD, NOW)
    while server_erasure.erase_batch(tx, GUILD, NOW):
        continue


def rows(tx: Tx, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in tx.execute(sql)]


def books(tx: Tx) -> list[list[tuple[object, ...]]]:
    tables = ("ledger", "usage", "day_total", "server_rule")
    return [rows(tx, f"SELECT * FROM {table}") for table in tables]  # noqa: S608


def test_songs_settings_and_limits_are_removed_and_the_books_kept(tx: Tx) -> None:
    done(tx, member_name="Ann")
    other = done(tx, guild_id=ELSEWHERE, member_id=OTHER, member_name="Bob")
    ledger.set_allowance(tx, GUILD, 50, None, RICH, make.entry("less"), NOW)
    ledger.grant(tx, GUILD, 5, make.entry("a party"), NOW)
    quotas.set_member(tx, GUILD, DiscordUserId(MEMBER), 20, make.entry("x"), NOW)
    servers.set_allowed(tx, GUILD, NOW, allowed=False)
    before = books(tx)

    forget(tx)

    assert before == books(tx)
    assert () == reconcile(tx).findings
    settings = "allowance, period, paused, alerts_channel_id, locale, bonus"
    assert (None, None, None, None, "", 5) in rows(tx, f"SELECT {settings} FROM guild")  # noqa: S608
    assert [] == rows(tx, "SELECT * FROM member_limit")
    assert [("Bob",)] == rows(tx, "SELECT asked_by FROM song")
    assert other == found(tx, other)
    assert ServerData(songs=0, unfinished=0, limits=0, members=0) == server_erasure.stored(tx, GUILD)


def test_members_known_only_from_there_are_removed_and_others_kept(tx: Tx) -> None:
    done(tx, member_id=MEMBER)
    done(tx, member_id=OTHER)
    done(tx, member_id=OTHER, guild_id=ELSEWHERE)
    ledger.grant(tx, GUILD, 5, make.entry("by a manager", actor_id=THIRD), NOW)

    assert 2 == server_erasure.stored(tx, GUILD).members
    forget(tx)

    assert [(OTHER,)] == rows(tx, "SELECT discord_id FROM member WHERE discord_id IS NOT NULL")


def test_a_member_whose_words_are_used_elsewhere_can_still_delete_them(tx: Tx) -> None:
    job = done(tx)
    text = tx.execute("SELECT prompt_id FROM song WHERE job_id = ?", (job.id,)).fetchone()[0]
    there = done(tx, guild_id=ELSEWHERE, member_id=OTHER)
    tx.execute("UPDATE song SET prompt_id = ? WHERE job_id = ?", (text, there.id))

    forget(tx)

    assert members.NOBODY != members.known_member(tx, DiscordUserId(MEMBER))
    assert there.request.prompt == found(tx, there).request.prompt


def test_unfinished_songs_are_finished_first_and_no_new_ones_started(tx: Tx) -> None:
    job = put(tx, added(tx), JobState.RUNNING)
    assert servers.is_served(tx, GUILD, servers.SERVE_ALL)

    forget(tx)

    assert ([], False) == (server_erasure.due(tx), servers.is_served(tx, GUILD, servers.SERVE_ALL))
    assert not found(tx, job).erased
    settled(tx, job)
    put(tx, job, JobState.DELIVERED, due=False)
    assert [GUILD] == server_erasure.due(tx)
    while server_erasure.erase_batch(tx, GUILD, NOW):
        continue
    assert found(tx, job).erased
    assert ([], True) == (server_erasure.due(tx), servers.is_served(tx, GUILD, servers.SERVE_ALL))


def test_a_parked_song_is_failed_and_its_credits_are_returned(tx: Tx) -> None:
    job = put(tx, added(tx), JobState.RUNNING, due=False)
    tx.execute("UPDATE job SET parked = 'slow'")

    forget(tx)

    assert (JobState.EXPLAINED, True) == (found(tx, job).state, found(tx, job).erased)
    assert 0 == ledger.balance(tx, GUILD, RICH, NOW).held
    assert () == reconcile(tx).findings


def test_a_batch_of_an_erasure_is_bounded(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_erasure, "BATCH_MAX", 2)
    for _ in range(3):
        job = added(tx)
        released(tx, job)
        put(tx, job, JobState.EXPLAINED, due=False)
    server_erasure.begin(tx, GUILD, NOW)

    left = []
    while server_erasure.erase_batch(tx, GUILD, NOW):
        left.append(server_erasure.stored(tx, GUILD).songs)

    assert [1, 0] == left[:2]


def test_drafts_of_its_songs_and_alerts_are_removed(tx: Tx) -> None:
    job = done(tx)
    texts.keep_draft(tx, DraftId(7), DiscordUserId(OTHER), make.prompt("changed"), job.id, NOW)
    quotas.set_alerts(tx, GUILD, ChannelId(5), make.entry("x"), NOW)
    ledger.set_allowance(tx, GUILD, 10, None, RICH, make.entry("x"), NOW)
    budget_alerts.mark(tx, GUILD, RICH, NOW)
    assert 0 < len(rows(tx, "SELECT id FROM budget_alert"))

    forget(tx)

    assert [] == rows(tx, "SELECT id FROM draft")
    assert [] == rows(tx, "SELECT id FROM budget_alert")
    assert jobs.get(tx, job.id) is not None


# -- servers left by the bot


def left(tx: Tx, present: list[GuildId], days: float) -> list[GuildId]:
    """Check the bot's servers after some days. Return those whose data is being erased then."""
    now = NOW + timedelta(days=days)
    assert None is server_erasure.note_absent(tx, present, now)
    server_erasure.forget_absent(tx, now)
    return [guild for guild in (GUILD, ELSEWHERE) if server_erasure.is_leaving(tx, guild)]


def test_a_server_is_forgotten_a_week_after_it_was_first_missed(tx: Tx) -> None:
    done(tx)
    done(tx, guild_id=ELSEWHERE)

    assert [[], [], [], [GUILD]] == [left(tx, [ELSEWHERE], days) for days in (0, 3, 6.9, 7)]


def test_a_server_the_bot_has_rejoined_is_not_forgotten(tx: Tx) -> None:
    done(tx)

    looks: list[tuple[float, list[GuildId]]] = [(0, []), (6, [GUILD]), (8, []), (14, []), (15, [])]

    assert [[], [], [], [], [GUILD]] == [left(tx, present, days) for days, present in looks]


def test_a_server_with_nothing_but_its_books_is_not_missed(tx: Tx) -> None:
    done(tx)
    forget(tx)

    assert [[], [], []] == [left(tx, [], days) for days in (0, 8, 16)]


def test_servers_are_checked_in_batches(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_erasure, "BATCH_MAX", 1)
    done(tx)
    done(tx, guild_id=ELSEWHERE)

    steps = [server_erasure.note_absent(tx, [], NOW, after) for after in (0, GUILD, ELSEWHERE)]

    assert [GUILD, ELSEWHERE, None] == steps
    assert 2 == len(rows(tx, "SELECT id FROM guild WHERE absent_since IS NOT NULL"))
