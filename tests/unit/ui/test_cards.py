"""The text of the cards, within Discord's limits."""

from datetime import timedelta

import discord
import pytest
from msgspec.structs import replace

from bot.balance import Balance, Limit, Period, Standing
from bot.model import ChannelId, ClosedCause, Delivery, FailReason, Job, JobState, TakeDetails, Track
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


def below(job: Job, **changes: object) -> str:
    """Return a card's text below its first line."""
    embed = cards.card(ENGLISH, job, facts(**changes))
    return "" if embed is None else f"{embed.description}\n{embed.footer.text or ''}"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (JobState.QUEUED, "In the queue"),
        (JobState.SUBMITTING, "In the queue"),
        (JobState.RUNNING, "Composing"),
        (JobState.READY, "Mixing"),
        (JobState.STORED, "Posting"),
        (JobState.DELIVERING, "Posting"),
        (JobState.DELIVERED, "Done"),
        (JobState.UNDELIVERED, "Made, but not posted"),
        (JobState.FAILED, "No song this time"),
        (JobState.EXPLAINED, "No song this time"),
    ],
)
def test_the_line_of_a_card_names_song_member_and_phase(state: JobState, says: str) -> None:
    reason = FailReason.LOST if state in (JobState.FAILED, JobState.EXPLAINED) else None
    job = make.job(state=state, reason=reason, request=make.custom(title="Neon *Rain*"))

    assert f"🎵 **Neon \\*Rain\\*** for <@{make.MEMBER}> · {says}" == cards.card_line(ENGLISH, job)


@pytest.mark.parametrize(
    ("state", "bar"),
    [
        (JobState.QUEUED, "🟦⬜⬜⬜"),
        (JobState.SUBMITTING, "🟦⬜⬜⬜"),
        (JobState.RUNNING, "🟦🟦⬜⬜"),
        (JobState.READY, "🟦🟦🟦⬜"),
        (JobState.STORED, "🟦🟦🟦🟦"),
        (JobState.DELIVERING, "🟦🟦🟦🟦"),
    ],
)
def test_an_unfinished_card_has_one_bar_an_estimate_and_the_price(state: JobState, bar: str) -> None:
    text = below(make.job(state=state))

    assert 1 == text.count("🟦" * bar.count("🟦") + "⬜" * bar.count("⬜"))
    assert f"{bar}  Ready <t:" in text
    assert "\n10 credits · 65 credits left in this server · V5" in text


@pytest.mark.parametrize(
    "job",
    [
        make.job(state=JobState.DELIVERED),
        make.job(state=JobState.FAILED, reason=FailReason.LOST),
        make.job(state=JobState.EXPLAINED, reason=FailReason.WITHDRAWN),
        make.job(
            state=JobState.EXPLAINED,
            reason=FailReason.LOST,
            message_id=22,
            delivery=Delivery(channel_id=ChannelId(11), direct=False, started_at=make.NOW),
        ),
    ],
)
def test_a_card_is_one_line_once_another_message_has_the_details(job: Job) -> None:
    assert None is cards.card(ENGLISH, job, facts())
    assert "\n" not in cards.card_line(ENGLISH, job)


def test_a_failure_without_a_message_is_explained_on_the_card() -> None:
    job = make.job(state=JobState.EXPLAINED, reason=FailReason.LOST)

    assert "The music service no longer knows this song. Your 10 credits are back.\n" == below(job)


@pytest.mark.parametrize("reason", FailReason)
@pytest.mark.parametrize("price", [0, 10])
@pytest.mark.parametrize(
    "detail", ["", "Music is not open yet; nothing was charged.", "No good. You were not charged."]
)
def test_a_failure_makes_one_statement_about_credits(reason: FailReason, price: int, detail: str) -> None:
    job = make.job(state=JobState.FAILED, reason=reason, price_credits=price, detail=detail)

    text = str(cards.notice(ENGLISH, job).description)

    assert "charged" not in text
    assert (1 if price else 0) == text.count("Your 10 credits are back.")


@pytest.mark.parametrize(
    ("ahead", "says"), [(0, "Yours is next."), (1, "1 song is ahead"), (7, "7 songs are ahead")]
)
def test_a_queued_card_shows_how_many_are_ahead(ahead: int, says: str) -> None:
    assert says in below(make.job(), ahead=ahead)


def test_a_slow_song_is_called_slow() -> None:
    assert "Slower than usual" in below(make.job(state=JobState.RUNNING), slow=True)


def test_a_parked_song_is_not_promised() -> None:
    text = below(make.job(state=JobState.RUNNING, parked=True))

    assert "far too long" in text
    assert "Ready" not in text


def test_the_estimate_is_a_range_until_enough_songs_were_measured() -> None:
    assert 2 == below(make.job()).count("<t:")
    assert 1 == below(make.job(), expected_until=None).count("<t:")


@pytest.mark.parametrize(("direct", "place"), [(False, str(make.GUILD)), (True, "@me")])
@pytest.mark.parametrize(
    ("state", "reason"), [(JobState.DELIVERED, None), (JobState.EXPLAINED, FailReason.LOST)]
)
def test_a_finished_card_links_to_the_message_with_the_details(
    direct: bool, place: str, state: JobState, reason: FailReason | None
) -> None:
    where = Delivery(channel_id=ChannelId(11), direct=direct, started_at=make.NOW)
    job = make.job(state=state, reason=reason, delivery=where, message_id=22)

    assert f"](https://discord.com/channels/{place}/11/22)" in cards.card_line(ENGLISH, job)


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

    for embed in (
        cards.card(ENGLISH, job, facts()) or discord.Embed(),
        cards.song(ENGLISH, job),
        cards.notice(ENGLISH, job),
    ):
        assert len(embed) <= 6_000
        assert len(embed.title or "") <= 256
        assert len(embed.description or "") <= 4_096
        assert all(len(field.value or "") <= 1_024 for field in embed.fields)


def test_a_single_take_is_explained() -> None:
    track = Track(take=1, file="f", size_bytes=1, sha256="s", url="u")

    song = cards.song(ENGLISH, make.job(tracks=(track,)))

    assert "**Take 1** · the music service made only one" in (song.description or "")


@pytest.mark.parametrize(
    ("limit", "left"), [(None, ("left in this server", "65")), (40, ("left of their limit", "15"))]
)
def test_a_card_shows_what_the_tightest_rule_leaves(limit: int | None, left: tuple[str, str]) -> None:
    pool = facts().standing.balance
    by = None if limit is None else Limit(credits=limit)
    standing = Standing(balance=pool, limit=by, used=15, held=10)

    assert f" · {left[1]} credits {left[0]} · " in below(make.job(), standing=standing)


def test_the_credits_card_shows_all_of_its_parts() -> None:
    shown = quota_cards.credits_left(ENGLISH, facts().standing, 10)

    assert {
        "Allowance": "100 a month",
        "Used": "30",
        "Held for songs": "10",
        "Bonus": "5 (does not expire)",
        "Allowance renews": discord.utils.format_dt(make.NOW + timedelta(days=17), "R"),
    } == {field.name: field.value for field in shown.fields}


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


# -- the music service's details of a song


AUDIO = "https://files.example/1.mp3"


def finished(takes: int = 1, **said: object) -> Job:
    """Return a job of two tracks, with the service's details of the first ``takes``."""
    urls = (AUDIO, "https://files.example/2.mp3")
    tracks = tuple(
        Track(take=take, file=f"42-{take}.mp3", size_bytes=9, sha256="", url=url)
        for take, url in enumerate(urls, start=1)
    )
    details = tuple(TakeDetails(url=url, **said) for url in urls[:takes])  # type: ignore[arg-type]
    return make.job(
        request=make.prompt("rain"), state=JobState.DELIVERED, urls=urls, tracks=tracks, takes=details
    )


@pytest.mark.parametrize(
    ("takes", "duration_s", "says"),
    [
        (2, 59.6, "**Take 1** 1:00 · **Take 2** 1:00"),
        (1, 181.0, "**Take 1** 3:01 · **Take 2**"),
        (0, None, "**Take 1** · **Take 2**"),
        (2, None, "**Take 1** · **Take 2**"),
        (2, 0.0, "**Take 1** · **Take 2**"),
        (2, 1e300, "**Take 1** · **Take 2**"),
    ],
)
def test_a_song_shows_the_duration_of_its_takes(takes: int, duration_s: float | None, says: str) -> None:
    assert says == cards.song(ENGLISH, finished(takes, duration_s=duration_s)).description


def test_a_track_from_a_new_address_keeps_its_details() -> None:
    job = finished(1, upstream_id="a1")
    moved = replace(job.tracks[0], url="https://elsewhere.example/1.mp3")

    assert job.takes[0] == job.details_of(moved)
    assert None is job.details_of(job.tracks[1])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://files.example/a.jpg", True),
        ("https://files.example/" + "a" * 2_026, True),
        ("https://files.example/" + "a" * 2_027, False),
        ("https://files.example/a.jpg?sig=a%2Fb+c==&e=1", True),
        ("HTTPS://files.example/a.jpg", False),
        ("https://files.example/a b.jpg", False),
        ("https://files.example/a\u200b.jpg", False),
        ("https://files.example/<@1>", False),
        ("https://files.example\\\\a.jpg", False),
        ("https://files.example:99999/a.jpg", False),
        ("https://wörter.example/a.jpg", False),
        ("data:image/png;base64,AA==", False),
        ("http://files.example/a.jpg", False),
        ("https://me:secret@files.example/a.jpg", False),
        ("https://127.0.0.1/a.jpg", False),
        ("https://[::1]/a.jpg", False),
        ("https://localhost/a.jpg", False),
        ("https://box.internal/a.jpg", False),
        ("https://files.example/\n", False),
        ("javascript:alert(1)", False),
        ("attachment://a.jpg", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_a_cover_is_shown_only_from_a_public_address(url: str, *, shown: bool) -> None:
    embed = cards.song(ENGLISH, finished(2, image_url=url))

    assert (url if shown else None) == embed.thumbnail.url


@pytest.mark.parametrize(
    ("title", "own", "whole", "shown"),
    [
        ("Glass [x](y)", "", True, r"🎶 Glass \[x\]\(y\)"),
        ("\u200b", "", True, "🎶 rain"),
        ("Glass", "Mine", True, "🎶 Mine"),
        ("Glass", "", False, "🎶 rain"),
    ],
)
def test_the_services_title_is_shown_if_the_member_gave_none(
    title: str, own: str, *, whole: bool, shown: str
) -> None:
    job = finished(1, title=title)
    job = replace(job, request=replace(job.request, title=own), texts_whole=whole)

    assert shown == cards.song(ENGLISH, job).title


def test_none_of_the_services_texts_is_shown_if_texts_are_refused() -> None:
    job = finished(2, title="Glass", image_url="https://files.example/a.jpg")

    embed = cards.song(ENGLISH, cards.without_texts(job))

    assert ("🎶 Song", None) == (embed.title, embed.thumbnail.url)
