"""Choices that members can distinguish, and input received in place of their values."""

import unicodedata
from types import SimpleNamespace
from unittest.mock import AsyncMock

import aiohttp
import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.discord_limits import CHOICE_MAX
from bot.model import JobId
from bot.ui import autocompletion
from bot.ui.autocompletion import SongOffer
from bot.ui.text import plain


def offers(*labels: str) -> list[SongOffer]:
    return [
        SongOffer(job_id=JobId(7_000_000_000_000_000 + 11 * number), label=label)
        for number, label in enumerate(labels)
    ]


@pytest.mark.parametrize(
    "labels",
    [
        ["2026-11-25 · Neon Rain"] * 3,
        ["2026-11-25 · Neon Rain", "2026-11-25 · neon  rain", "2026-11-25 · Other"],
        ["x" * 150] * 25,
        ["x" * 150, "x" * 150 + "y"],
    ],
)
def test_songs_with_one_title_on_one_day_have_distinct_labels(labels: list[str]) -> None:
    choices = autocompletion.choices(offers(*labels))

    assert len(labels) == len({" ".join(choice.name.casefold().split()) for choice in choices})
    assert {True} == {len(choice.name) <= CHOICE_MAX for choice in choices}
    assert [str(offer.job_id) for offer in offers(*labels)] == [choice.value for choice in choices]


def test_ids_with_equal_endings_are_distinct_too() -> None:
    alike = [SongOffer(job_id=JobId(number * 10**10 + 1_234), label="Rain") for number in range(1, 26)]

    assert 25 == len({choice.name for choice in autocompletion.choices(alike)})


def test_a_unique_label_is_unchanged() -> None:
    names = [choice.name for choice in autocompletion.choices(offers("Neon Rain", "Other"))]

    assert ["Neon Rain", "Other"] == names


@pytest.mark.parametrize("chosen", range(8))
def test_a_label_sent_in_place_of_its_value_means_its_song(chosen: int) -> None:
    given = offers(
        "Neon Rain",
        "Neon Rain",
        "Other",
        "x" * 150,
        "y" * 150,
        "y" * 150,
        "A\u0308rger…",
        "👨\u200d👩\u200d👧" * 40,
    )
    label = autocompletion.choices(given)[chosen].name

    assert given[chosen].job_id == autocompletion.find_song(f" {label} ", given)


@pytest.mark.parametrize("typed", ["7205759403792793", "'7205759403792793", " #7205759403792793 "])
def test_an_id_copied_from_the_ledger_is_an_id(typed: str) -> None:
    assert 7205759403792793 == autocompletion.job_id_of(typed)


@pytest.mark.parametrize("typed", ["", "'", "#", "1" * 19, "-1", "1.5", "\u0661", "1 2"])
def test_other_text_is_not_an_id(typed: str) -> None:
    assert autocompletion.job_id_of(typed) is None


def test_other_text_is_not_a_label() -> None:
    songs = offers("Rain", "Neon Rain")

    assert [None] * 5 == [
        autocompletion.find_song(typed, songs) for typed in ("Snow", "…", "", " · #1234", "Rain · #9999")
    ]


async def test_typed_text_is_only_searched_for_a_few_times() -> None:
    searched = list[tuple[str, int]]()

    async def none(search: str, limit: int) -> list[SongOffer]:
        searched.append((search, limit))
        return []

    typed = autocompletion.SEPARATOR.join(["Rain", *(f"2026-01-{day:02}" for day in range(99))])
    assert await autocompletion.chosen(typed, none) is None

    assert autocompletion.SEARCHES_MAX + 1 == len(searched)
    assert ("", autocompletion.LOOKED_THROUGH_MAX) == searched[-1]


@pytest.mark.parametrize("typed", ["", "Rain", "Neon Rain", "2026-01-05", "#1234"])
async def test_an_impossible_label_is_not_searched_for(typed: str) -> None:
    search = AsyncMock()

    assert await autocompletion.chosen(typed, search) is None
    assert 0 == search.await_count


@pytest.mark.parametrize("typed", ["2026-01-05 \u0387 Neon Rain", "2026-01-05 · Neon\u2026", "2026-01…"])
async def test_a_label_may_have_another_separator_or_be_cut(typed: str) -> None:
    stored = offers("2026-01-05 · Neon Rain")

    assert stored[0].job_id == await autocompletion.chosen(typed, AsyncMock(return_value=stored))


async def test_a_label_is_found_despite_another_spelling_of_its_title() -> None:
    stored = offers("2026-11-25 · Ärger im Café")

    async def by_title(search: str, limit: int) -> list[SongOffer]:
        return [] if search else stored[:limit]

    typed = "2026-11-25 · A\u0308rger im Cafe\u0301"
    assert stored[0].job_id == await autocompletion.chosen(typed, by_title)


@given(st.lists(st.text(max_size=60), min_size=2, max_size=25))
def test_no_two_labels_look_alike(titles: list[str]) -> None:
    names = [
        choice.name
        for choice in autocompletion.choices(offers(*(f"2026-11-25 · {title}" for title in titles)))
    ]

    assert len(titles) == len({unicodedata.normalize("NFKC", plain(name)).casefold() for name in names})
    assert {True} == {0 < len(name) <= CHOICE_MAX for name in names}


@pytest.mark.parametrize(
    ("typed", "searches"),
    [
        ("2026-11-25 · Neon Rain · #1234", ["Neon Rain", "2026-11-25"]),
        ("Neon Rain · mia · 2026-11-25 · 10 credits", ["Neon Rain", "2026-11-25"]),
        ("Neon Rain", ["Neon Rain"]),
        ("2026-11-25 · A long title that was…", ["A long title that was", "2026-11-25"]),
        ("", []),
    ],
)
def test_a_label_is_searched_for_by_its_name_first(typed: str, searches: list[str]) -> None:
    assert searches == autocompletion.searches(typed)


@pytest.mark.parametrize(
    ("typed", "job_id"),
    [("123", 123), (" 123 ", 123), ("12a", None), ("", None), ("١٢٣", None), ("9" * 19, None)],
)
def test_only_an_id_is_treated_as_one(typed: str, job_id: int | None) -> None:
    assert job_id == autocompletion.job_id_of(typed)


@pytest.mark.parametrize(
    "error",
    [TimeoutError(), ConnectionResetError(), aiohttp.ClientOSError(), RuntimeError("Session is closed")],
    ids=repr,
)
async def test_an_undeliverable_answer_leaves_no_traceback(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: object) -> None:
        raise error

    async def songs() -> list[SongOffer]:
        return offers("Rain")

    response = SimpleNamespace(autocomplete=fail, _response_type=None)
    interaction = SimpleNamespace(response=response, client=SimpleNamespace(is_closed=lambda: True))

    assert [] == await autocompletion.answer(interaction, songs())  # type: ignore[arg-type]
    assert discord.InteractionResponseType.autocomplete_result is response._response_type
    assert [] == [record for record in caplog.records if record.exc_info]
