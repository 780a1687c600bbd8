"""A requested length is sent or refused, and never ignored."""

import pytest

from bot.database.sqlite import Database
from bot.model import SongRequest
from bot.refusals import NoDuration, OutOfRange
from bot.services.intake import Intake
from bot.services.terms import Terms
from tests import make


def terms(*duration_models: str) -> Terms:
    return make.terms(models=("V5", "V6"), duration_models=frozenset(duration_models))


def intake(database: Database, clock: make.Clock, *duration_models: str) -> Intake:
    return Intake(database, terms(*duration_models), now=clock, woken=lambda: None)


@pytest.mark.parametrize("duration_s", [10, 360, None])
async def test_a_length_is_stored_with_its_job(
    database: Database, clock: make.Clock, duration_s: int | None
) -> None:
    songs = intake(database, clock, "V6")
    origin = make.origin()
    accepted = await songs.accept(make.custom(model="V6", duration_s=duration_s), origin)
    assert accepted is not None

    job = await songs.with_texts(accepted.job.id, origin.guild_id)

    assert duration_s == job.request.duration_s


@pytest.mark.parametrize("duration_s", [-1, 0, 9, 361, 2**53])
async def test_a_length_out_of_range_is_refused(
    database: Database, clock: make.Clock, duration_s: int
) -> None:
    with pytest.raises(OutOfRange):
        await intake(database, clock, "V6").accept(
            make.custom(model="V6", duration_s=duration_s), make.origin()
        )


@pytest.mark.parametrize(
    ("request_", "duration_models"),
    [
        (make.prompt(model="V6", duration_s=60), ("V6",)),
        (make.custom(model="V5", duration_s=60), ("V6",)),
        (make.custom(model="V6", duration_s=60), ()),
    ],
)
async def test_a_length_that_cannot_be_sent_is_refused(
    database: Database, clock: make.Clock, request_: SongRequest, duration_models: tuple[str, ...]
) -> None:
    songs = intake(database, clock, *duration_models)

    with pytest.raises(NoDuration) as refused:
        await songs.accept(request_, make.origin())

    assert duration_models == refused.value.models
    assert 60 == songs.terms.on_offer(request_).duration_s
