"""What the cards say, and that none breaks Discord's limits."""

from datetime import timedelta

import discord
import pytest

from bot.model import Balance, ClosedCause, Delivery, FailReason, JobState, Limit, Period, Standing, Track
from bot.pipeline.courier import CardFacts
from bot.ui import cards, quota_cards
from bot.ui.language import ENGLISH
from tests import make


def facts(**changes: object) -> CardFacts:
    balance = Balance(
        allowance=100, used=30, held=10, bonus=5, period=Period.MONTH, renews_at=make.NOW + timedelta(days=17)
    )
    fields: dict[str, object] = {
        "standing": Standing(balance=balance, limit=None, used=0, held=10),
        "ahead": 0,
        "expected_at": make.NOW + timedelta(minutes=1),
        "expected_until": make.NOW + timedelta(minutes=3),
        "overdue": False,
        "slow": False,
    }
    return CardFacts(**fields | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (JobState.QUEUED, "yours is next"),
        (JobState.SUBMITTING, "Sending it"),
        (JobState.RUNNING, "Composing"),
        (JobState.READY, "Mixing"),
        (JobState.STORED, "Posting"),
        (JobState.DELIVERING, "Posting"),
        (JobState.DELIVERED, "Done"),
        (JobState.UNDELIVERED, "could not post it"),
        (JobState.FAILED, "No song this time"),
        (JobState.EXPLAINED, "No song this time"),
    ],
)
def test_a_card_says_how_the_job_stands(state: JobState, says: str) -> None:
    reason = FailReason.LOST if state in (JobState.FAILED, JobState.EXPLAINED) else None

    card = cards.card(ENGLISH, make.job(state=state, reason=reason), facts())

    assert says in str(card.description)
    assert card.fields[0].value == ("~~10 credits~~ given back" if reason else "10 credits")
    assert "65 credits" == card.fields[1].value


@pytest.mark.parametrize(("ahead", "says"), [(1, "1 song comes first"), (7, "7 songs come first")])
def test_a_queued_card_says_how_many_come_first(ahead: int, says: str) -> None:
    assert says in str(cards.card(ENGLISH, make.job(), facts(ahead=ahead)).description)


def test_a_slow_song_is_called_slow() -> None:
    card = cards.card(ENGLISH, make.job(state=JobState.RUNNING), facts(slow=True))

    assert "slower than usual" in str(card.description)


def test_a_parked_song_is_not_promised() -> None:
    card = cards.card(ENGLISH, make.job(state=JobState.RUNNING, parked=True), facts())

    assert "far too long" in str(card.description)
    assert ["Price", "Left in this server"] == [field.name for field in card.fields]


def test_the_estimate_is_a_range_until_enough_songs_are_known() -> None:
    unsure = cards.card(ENGLISH, make.job(), facts()).fields[2].value
    sure = cards.card(ENGLISH, make.job(), facts(expected_until=None)).fields[2].value

    assert 2 == (unsure or "").count("<t:")
    assert 1 == (sure or "").count("<t:")


@pytest.mark.parametrize(("direct", "place"), [(False, str(make.GUILD)), (True, "@me")])
def test_a_done_card_links_to_the_song(direct: bool, place: str) -> None:
    where = Delivery(channel_id=11, direct=direct, started_at=make.NOW)

    card = cards.card(ENGLISH, make.job(state=JobState.DELIVERED, delivery=where, message_id=22), facts())

    assert f"https://discord.com/channels/{place}/11/22" in str(card.description)


@pytest.mark.parametrize("state", JobState)
def test_no_card_breaks_discords_limits(state: JobState) -> None:
    hostile = "*_`|<@1>#" * 600
    tracks = tuple(Track(take=n, file="f", size_bytes=1, sha256="s", url="u") for n in (1, 2))
    job = make.job(
        state=state,
        request=make.custom(title=hostile, style=hostile, lyrics=hostile),
        reason=FailReason.REFUSED,
        closed=ClosedCause.NOT_OPEN,
        detail=hostile,
        tracks=tracks,
    )

    for embed in (cards.card(ENGLISH, job, facts()), cards.song(ENGLISH, job), cards.notice(ENGLISH, job)):
        assert len(embed) <= 6_000
        assert len(embed.title or "") <= 256
        assert len(embed.description or "") <= 4_096
        assert all(len(field.value or "") <= 1_024 for field in embed.fields)


def test_a_single_take_is_explained() -> None:
    track = Track(take=1, file="f", size_bytes=1, sha256="s", url="u")

    song = cards.song(ENGLISH, make.job(tracks=(track,)))

    assert (song.footer.text or "").startswith("1 take (the music service made only one)")


@pytest.mark.parametrize(
    ("limit", "left"), [(None, ("Left in this server", "65")), (40, ("Left of their limit", "15"))]
)
def test_a_card_says_what_is_left_by_the_tightest_rule(limit: int | None, left: tuple[str, str]) -> None:
    pool = facts().standing.balance
    by = None if limit is None else Limit(credits=limit)
    standing = Standing(balance=pool, limit=by, used=15, held=10)

    field = cards.card(ENGLISH, make.job(), facts(standing=standing)).fields[1]

    assert (field.name, field.value) == (left[0], f"{left[1]} credits")


def test_the_credits_card_shows_all_of_its_parts() -> None:
    shown = quota_cards.credits_left(ENGLISH, facts().standing, 10)

    assert {field.name: field.value for field in shown.fields} == {
        "Allowance": "100 a month",
        "Used": "30",
        "Held for songs in progress": "10",
        "Bonus": "5 (does not expire)",
        "Allowance renews": discord.utils.format_dt(make.NOW + timedelta(days=17), "R"),
    }


@pytest.mark.parametrize(
    ("embed", "summary"),
    [
        (discord.Embed(title="Credits", description="**5** left.\nA song costs 1."), "Credits: **5** left."),
        (discord.Embed(title="Songs").add_field(name="Rain", value="x"), "Songs: Rain"),
        (discord.Embed(title="Songs"), "Songs"),
    ],
)
def test_a_member_with_embeds_off_reads_a_line(embed: discord.Embed, summary: str) -> None:
    assert summary == cards.summary(embed)


@pytest.mark.parametrize("state", JobState)
def test_a_card_has_a_line_in_every_state(state: JobState) -> None:
    job = make.job(state=state, request=make.custom(title="Neon *Rain*"))

    assert "Neon \\*Rain\\*" in cards.card_line(ENGLISH, job)
