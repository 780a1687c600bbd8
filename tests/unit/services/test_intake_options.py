"""Options unavailable here are reported before anything is paid, and never dropped."""

import itertools
from typing import Any

import pytest

from bot.database.sqlite import Database
from bot.errors import Refusal
from bot.model import Option, SongRequest, Voice
from bot.refusals import NoDuration, OptionsNotTaken
from bot.services.intake import Intake
from bot.services.terms import Terms
from tests import make

OPTIONS: dict[Option, dict[str, object]] = {
    Option.AVOID: {"avoid": "drums"},
    Option.VOICE: {"voice": Voice.MALE},
    Option.DURATION: {"duration_s": 60},
}
ALL = [chosen for size in range(4) for chosen in itertools.combinations(Option, size)]
EVERYTHING = make.terms(models=("V6",), extras=True, duration_models=frozenset({"V6"}))
NOTHING = make.terms(models=("V6",))


def song(chosen: tuple[Option, ...], *, custom: bool = True, instrumental: bool = False) -> SongRequest:
    changes: dict[str, Any] = {"model": "V6", "instrumental": instrumental}
    for option in chosen:
        changes |= OPTIONS[option]
    return make.custom(**changes) if custom else make.prompt(**changes)


async def refusal(
    database: Database, clock: make.Clock, terms: Terms, request: SongRequest
) -> Refusal | None:
    intake = Intake(database, terms, now=clock, woken=lambda: None)
    try:
        await intake.accept(request, make.origin())
    except Refusal as refused:
        return refused
    return None


@pytest.mark.parametrize("chosen", ALL)
async def test_offered_options_are_accepted(
    database: Database, clock: make.Clock, chosen: tuple[Option, ...]
) -> None:
    assert None is await refusal(database, clock, EVERYTHING, song(chosen))


@pytest.mark.parametrize("chosen", ALL)
async def test_all_unavailable_options_are_named(
    database: Database, clock: make.Clock, chosen: tuple[Option, ...]
) -> None:
    request = song(chosen)

    refused = await refusal(database, clock, NOTHING, request)

    if chosen in ((), (Option.DURATION,)):
        assert (NoDuration if chosen else type(None)) is type(refused)
    else:
        assert isinstance(refused, OptionsNotTaken)
        assert chosen == refused.options
    held = await database.read(lambda tx: tx.execute("SELECT COUNT(*) FROM ledger").fetchone()[0])
    assert int(not chosen) == held
    without = request.without(NOTHING.not_taken(request))
    assert (song(()), ()) == (without, NOTHING.not_taken(without))


@pytest.mark.parametrize(
    ("terms", "request_", "lost"),
    [
        (EVERYTHING, song(ALL[-1], custom=False), (Option.VOICE, Option.DURATION)),
        (
            make.terms(models=("V6",), extras=True, extras_with_prompt=False),
            song((Option.AVOID, Option.VOICE), custom=False),
            (Option.AVOID, Option.VOICE),
        ),
        (NOTHING, song((Option.VOICE,), instrumental=True), ()),
    ],
)
def test_an_option_may_depend_on_the_kind_of_song(
    terms: Terms, request_: SongRequest, lost: tuple[Option, ...]
) -> None:
    assert lost == terms.not_taken(request_)
