"""Discord accepts any amount of content; others' words form no links, pings or formatting."""

import functools
import re
from collections.abc import Iterable
from typing import Any

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot import discord_limits
from bot.model import (
    ChannelId,
    ClosedCause,
    Delivery,
    DiscordUserId,
    EntryId,
    FailReason,
    GuildId,
    JobId,
    JobState,
    MemberNumber,
    MessageId,
    RoleId,
    Track,
)
from bot.services.credit_views import Explanation, LimitList, Overview, Use
from bot.services.ratings import BestPage, BestSong
from bot.store.changes import Allowance
from bot.store.history import SongPage
from bot.store.listed_songs import ListedSong
from bot.store.quotas import SetLimit
from bot.store.ratings import Tally
from bot.store.reports import DayOfUse, LedgerPage, LedgerRow, MemberUse, SettledSong
from bot.ui import autocompletion, best_songs, cards, ledger_cards, quota_cards
from bot.ui.fitted_embed import FittedEmbed
from bot.ui.language import CODES, Language, language_of
from bot.ui.text import escaped, line, plain
from tests import make
from tests.unit.ui.test_cards import facts

ID = 2**63 - 1
EXAMPLES = make.examples(60)
HOSTILE = (
    *("https://evil.example/x", "http://a.b", "discord.gg/abc", "discord.com/invite/abc", "steam://run"),
    *("[free](https://evil.example)", "<https://evil.example>", "||spoiler||", "@everyone", "<@9001>"),
    *("<@&1>", "\n# head", "\n-# small", "\n> quote", "\n- item", "**b**", "```", "`", "\\", "/", ":", "//"),
    *(".gg/", "\u202e", "\u200b", "A", " ", "歌", "👩\u200d👧", "e\u0301" * 3),
)
LIVE = re.compile(
    r"[a-z]+://|discord(?:app)?\.(?:gg|com/invite)/|(?<!\\)\]\(|@everyone|(?<!\\)<[@#]|(?<!\\)[|]{2}|(?<!\\)`"
)
"""Text that Discord would turn into links, invites, pings or formatting."""

words = st.lists(st.sampled_from(HOSTILE), max_size=60).map("".join)


@pytest.fixture(params=CODES)
def say(request: pytest.FixtureRequest) -> Language:
    return language_of(request.param)


def assert_fits(embed: discord.Embed) -> None:
    data: dict[str, Any] = dict(embed.to_dict())
    fields: list[dict[str, str]] = data.get("fields", [])
    footer = data.get("footer", {}).get("text", "")
    parts = [data.get("title", ""), data.get("description", ""), footer]
    parts += [part for field in fields for part in (field["name"], field["value"])]
    assert len(parts[0]) <= discord_limits.EMBED_TITLE_MAX
    assert len(parts[1]) <= discord_limits.EMBED_DESCRIPTION_MAX
    assert len(footer) <= discord_limits.EMBED_FOOTER_MAX
    assert len(fields) <= discord_limits.EMBED_FIELDS_MAX
    assert all(0 < len(field["name"]) <= discord_limits.EMBED_FIELD_NAME_MAX for field in fields)
    assert all(0 < len(field["value"]) <= discord_limits.EMBED_FIELD_VALUE_MAX for field in fields)
    assert sum(map(len, parts)) <= discord_limits.EMBED_MAX
    assert len(cards.summary(embed)) <= discord_limits.CONTENT_MAX


def shown(embeds: Iterable[discord.Embed]) -> str:
    parts = [(embed.title, embed.description, embed.footer.text) for embed in embeds]
    return "\n".join(str(part) for one in parts for part in one)


@given(words, st.integers(1, 400))
@settings(max_examples=EXAMPLES, deadline=None)
def test_no_words_of_others_link_ping_or_format(text: str, length_max: int) -> None:
    assert None is LIVE.search(escaped(text))
    assert None is LIVE.search(line(text, length_max))


@given(words, st.sampled_from(JobState), st.sampled_from([FailReason.REFUSED, FailReason.MODERATED]))
@settings(max_examples=EXAMPLES, deadline=None)
def test_public_cards_fit_and_contain_no_live_markup(text: str, state: JobState, reason: FailReason) -> None:
    job = make.job(
        state=state,
        request=make.custom(title=text, style=text * 5, lyrics=text),
        reason=reason,
        closed=ClosedCause.NOT_OPEN,
        detail=text * 3,
        tracks=tuple(Track(take=n, file="f", size_bytes=1, sha256="s", url="u") for n in (1, 2)),
    )
    english = language_of("en")

    card = cards.card(english, job, facts())
    embeds = [*([] if card is None else [card]), cards.song(english, job), cards.notice(english, job)]

    for embed in embeds:
        assert_fits(embed)
    assert None is LIVE.search(shown(embeds))
    assert None is LIVE.search(cards.card_line(english, job).replace(f"<@{make.MEMBER}>", ""))


@pytest.mark.parametrize(
    ("many", "repeated"), [(100, 4), pytest.param(3_000, 20, marks=pytest.mark.campaign)]
)
def test_long_lists_fit(say: Language, many: int, repeated: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # All rows have the same name; cleaning 20,000 of them takes a quarter of a minute.
    monkeypatch.setattr("bot.ui.text.plain", functools.cache(plain))
    name = "".join(HOSTILE) * repeated
    where = Delivery(channel_id=ChannelId(ID), direct=False, started_at=make.NOW)
    job = make.job(
        id=ID,
        request=make.custom(title=name, style=name, model="M" * 50),
        state=JobState.RUNNING,
        origin=make.origin(guild_id=ID, channel_id=ID),
        card_message_id=ID,
        message_id=ID,
        delivery=where,
    )
    top = [MemberUse(member_id=DiscordUserId(ID), credits=10**9, name=name)] * many
    balance = make.balance(allowance=10**9, used=10**9, held=10**9, bonus=10**9)
    explanation = Explanation(
        standing=make.standing(balance=balance),
        own=10**9,
        by_role={RoleId(ID - number): 10**9 for number in range(many)},
        paused=name,
    )
    row = LedgerRow(
        day=20_000,
        id=EntryId(ID),
        at=make.NOW,
        kind="settle",
        allowance=10**9,
        bonus=10**9,
        job_id=JobId(ID),
        song=name,
        member_id=DiscordUserId(ID),
        role_id=RoleId(ID),
        actor_id=DiscordUserId(ID),
        by_operator=False,
        reason=name,
        before=Allowance(10**9, make.DEFAULTS.period),
        after=Allowance(10**9, make.DEFAULTS.period),
    )
    limit = SetLimit(
        role_id=None, number=MemberNumber(ID), member_id=DiscordUserId(ID), name=name, credits=10**9
    )
    kinds = (limit, replace(limit, role_id=ID), replace(limit, member_id=None))
    limits = LimitList(limits=kinds * many, count=ID)
    overview = Overview(
        balance=balance,
        price=10**9,
        ceiling=10**9,
        paused=name,
        alerts_channel_id=ChannelId(ID),
        role_limits={RoleId(ID - number): 10**9 for number in range(many)},
        member_limits=limits,
        top=top,
    )
    song = ListedSong(
        id=JobId(ID),
        created_at=make.NOW,
        guild_id=GuildId(ID),
        member_id=DiscordUserId(ID),
        model="M" * 50,
        title=name,
        prompt=name,
        given_title=name,
        message_id=MessageId(ID),
        channel_id=ChannelId(ID),
        direct=False,
    )
    best = BestSong(place=10**9, song=song, tally=Tally(likes=10**9, dislikes=10**9))
    page = LedgerPage(rows=(row,) * many, newer=True, older=True)
    day = DayOfUse(day=make.NOW.date(), spent=10**9, held=10**9, released=10**9, refunded=10**9)

    for embed in (
        cards.in_progress(say, [(job, facts(slow=True))] * many),
        cards.history(say, SongPage(songs=(song,) * many, newer=True, older=True), name),
        best_songs.page(say, BestPage(songs=(best,) * many, page=1, more=False)),
        cards.first_things(say, 10**9),
        quota_cards.view(say, overview, make.GUILD),
        quota_cards.explained(say, explanation, DiscordUserId(ID), make.GUILD),
        ledger_cards.ledger(say, page, "settle", DiscordUserId(ID)),
        quota_cards.limits(say, limits, make.GUILD),
        quota_cards.usage(say, Use(days=[day] * 30, top=top)),
        quota_cards.credits_left(say, make.standing(balance=balance), 10**9),
    ):
        assert_fits(embed)
    labels = [quota_cards.limit_choice(say, one, make.GUILD) for one in kinds]
    assert [] == [label for label in labels if len(label) > discord_limits.CHOICE_MAX]


def test_a_page_that_is_cut_ends_with_whole_lines() -> None:
    embed = FittedEmbed(description="\n".join(["a line of 40 characters, with its break"] * 200))

    text = str(embed.to_dict().get("description"))

    assert "…" == text.splitlines()[-1]
    assert {"a line of 40 characters, with its break"} == set(text.splitlines()[:-1])


@given(st.lists(words, min_size=1, max_size=25))
@settings(max_examples=EXAMPLES, deadline=None)
def test_choices_fit_whatever_the_titles_of_the_songs(names: list[str]) -> None:
    english = language_of("en")
    offers = [
        autocompletion.SongOffer(
            job_id=JobId(number),
            label=quota_cards.choice(
                english, SettledSong(job_id=JobId(number), song=name, asked_by=name, price=10, at=make.NOW)
            ),
        )
        for number, name in enumerate(names)
    ]

    choices = autocompletion.choices(offers)

    assert len(choices) <= discord_limits.CHOICES_MAX
    assert [] == [one.name for one in choices if not 0 < len(one.name) <= discord_limits.CHOICE_MAX]
    assert len(choices) == len({one.name for one in choices})
