"""Songs of two music services: each is finished where it was submitted, whatever is configured later."""

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.model import Backend, ClosedCause, FailReason, Job, JobState, Voice
from bot.refusals import ServiceClosed
from bot.store import breaker, claims
from bot.store.reconcile import reconcile
from bot.ui import messages
from bot.ui.language import ENGLISH
from tests import make
from tests.doubles.in_process import answers
from tests.unit.pipeline.rig import Rig

SSEEDANCE, KIE = Backend.SSEEDANCE, Backend.KIE
BOTH = {SSEEDANCE, KIE}
OTHER = {SSEEDANCE: KIE, KIE: SSEEDANCE}
MODEL = {SSEEDANCE: "V5", KIE: "V6"}
SETTLED = {"hold": 1, "settle": 1}
RELEASED = {"hold": 1, "release": 1}


@pytest.fixture(params=Backend)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.param
    return chosen


@pytest.fixture
def rig(rig: Rig, backend: Backend) -> Rig:
    rig.switch(backend, {backend})
    return rig


async def asked(rig: Rig, words: str = "a sea shanty") -> Job:
    return await rig.ask(make.prompt(words, model=MODEL[rig.backend]))


async def brought_to(rig: Rig, state: JobState) -> Job:
    """Bring a song to a state along the usual path."""
    if state is JobState.RUNNING:
        rig.music.done_at_once = False
    elif state is JobState.READY:
        rig.music.audio = {f"/task-1-{take}.mp3": 404 for take in (1, 2)}
    elif state is JobState.DELIVERING:
        rig.chat.on_send = ["lost"]
    elif state is JobState.UNDELIVERED:
        rig.chat.closed_channels.add(make.CHANNEL)
        rig.chat.closed_members.add(make.MEMBER)
    elif state in (JobState.FAILED, JobState.EXPLAINED):
        rig.music.on_post = [rig.music.lost_answer]
        rig.chat.down = state is JobState.FAILED
    job = await asked(rig)
    if state is JobState.SUBMITTING:
        async with rig.process() as runner:
            await rig.killed_at(runner, "POST")
    else:
        await rig.until(job, state)
    return job


def heal(rig: Rig) -> None:
    rig.chat.down = False
    rig.chat.closed_channels.clear()
    rig.chat.closed_members.clear()
    for service in rig.music_of.values():
        service.done_at_once, service.audio = True, {}
        for task in service.tasks.values():
            task.status = "success"


def posts(rig: Rig) -> dict[Backend, int]:
    return {backend: rig.music_of[backend].posts for backend in Backend}


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("keys_stay", [True, False])
async def test_a_song_in_any_state_survives_a_switch_and_back(
    rig: Rig, backend: Backend, state: JobState, keys_stay: bool
) -> None:
    job = await brought_to(rig, state)
    rig.switch(OTHER[backend], BOTH if keys_stay else {OTHER[backend]})
    for _ in range(3):
        await rig.round()
    rig.switch(backend, BOTH)
    heal(rig)
    if await rig.state(job) is JobState.UNDELIVERED:
        await rig.intake.post_again(job.id, make.GUILD)

    ended = await rig.until(job, JobState.DELIVERED, JobState.EXPLAINED)

    unpaid = {JobState.SUBMITTING, JobState.FAILED, JobState.EXPLAINED}
    expected = (JobState.EXPLAINED, RELEASED) if state in unpaid else (JobState.DELIVERED, SETTLED)
    where = OTHER[backend] if state is JobState.QUEUED else backend
    assert expected == (ended, await rig.books())
    assert {where: 1, OTHER[where]: 0} == posts(rig)
    assert (1, ()) == (len(rig.chat.posts), await findings(rig))


@pytest.mark.parametrize(
    ("changes", "custom"),
    [
        ({"duration_s": 60}, True),
        ({"avoid": "drums"}, True),
        ({"voice": Voice.FEMALE}, True),
        ({"voice": Voice.FEMALE, "instrumental": True}, True),
        ({"avoid": "drums"}, False),
        ({"avoid": "drums", "prompt": "x" * 490}, False),
    ],
)
async def test_a_switch_loses_no_option_of_a_queued_song(
    rig: Rig, backend: Backend, changes: dict[str, object], custom: bool
) -> None:
    options = {"extras": True, "duration_models": frozenset({"V6"})}
    rig.intake.terms = replace(rig.intake.terms, **options)
    if backend is SSEEDANCE and "duration_s" in changes:
        pytest.skip("it takes no length")
    request = make.custom() if custom else make.prompt()
    job = await rig.ask(replace(request, model=MODEL[backend], **changes))
    rig.switch(OTHER[backend], BOTH)

    ended = await rig.until(job, JobState.DELIVERED, JobState.EXPLAINED)

    too_long = "prompt" in changes and rig.backend is KIE
    taken = not too_long and "duration_s" not in changes
    assert (JobState.DELIVERED if taken else JobState.EXPLAINED) is ended
    assert (SETTLED if taken else RELEASED) == await rig.books()
    sent = json.dumps(rig.music.requests)
    assert taken is bool(rig.music.requests)
    assert (taken and "avoid" in changes) is ("drums" in sent)
    assert (taken and "voice" in changes and "instrumental" not in changes) is ('"f"' in sent)
    if not taken:
        failed = await rig.get(job)
        assert (FailReason.REFUSED, None) == (failed.reason, failed.backend)
        assert "The music service has changed since" in messages.failure(ENGLISH, failed)


async def test_a_song_names_the_model_that_made_it(rig: Rig, backend: Backend) -> None:
    job = await asked(rig)
    rig.switch(OTHER[backend], BOTH)

    await rig.until(job, JobState.DELIVERED)

    (sent,) = rig.music.requests
    assert ("V5", "V5") == (sent["model"], (await rig.get(job)).request.model)


async def findings(rig: Rig) -> tuple[object, ...]:
    return await rig.database.read(lambda tx: tuple(reconcile(tx).findings))


async def test_a_song_is_polled_where_it_was_submitted(rig: Rig, backend: Backend) -> None:
    rig.music.done_at_once = False
    job = await asked(rig)
    await rig.round()
    rig.switch(OTHER[backend], BOTH)

    heal(rig)
    await rig.until(job, JobState.DELIVERED)

    assert {backend: 1, OTHER[backend]: 0} == posts(rig)
    assert [] == rig.music.polled
    assert backend is (await rig.get(job)).backend


async def test_songs_of_a_service_without_a_key_wait_for_it(rig: Rig, backend: Backend) -> None:
    rig.music.done_at_once = False
    running = [await asked(rig, f"song {number}") for number in range(3)]
    await rig.round()
    rig.switch(OTHER[backend], {OTHER[backend]})

    rig.clock.forward(days=3)
    async with rig.process() as runner:
        await rig.rest(20, runner)
    parked = [await rig.get(job) for job in running]
    books, alerts = await rig.books(), len(rig.alerts)
    rig.switch(OTHER[backend], BOTH)
    heal(rig)
    for job in running:
        await rig.until(job, JobState.DELIVERED)

    assert [(JobState.RUNNING, True)] * 3 == [(job.state, job.parked) for job in parked]
    assert ({"hold": 3}, 1) == (books, alerts)
    assert {"hold": 3, "settle": 3} == await rig.books()
    assert ({backend: 3, OTHER[backend]: 0}, 3) == (posts(rig), len(rig.chat.posts))


async def test_parked_songs_alert_once_and_not_at_each_start(rig: Rig, backend: Backend) -> None:
    rig.music.done_at_once = False
    job = await asked(rig)
    await rig.round()
    rig.switch(OTHER[backend], {OTHER[backend]})

    rig.clock.forward(minutes=1)
    for _ in range(5):
        await rig.round()

    assert (1, True) == (len(rig.alerts), (await rig.get(job)).parked)


async def test_a_song_without_audio_waits_for_the_key_too(rig: Rig, backend: Backend) -> None:
    job = await brought_to(rig, JobState.READY)
    missing = rig.music.audio
    rig.switch(OTHER[backend], {OTHER[backend]})

    rig.music.audio = missing
    rig.clock.forward(hours=8)
    await rig.round()
    rig.clock.forward(hours=8)
    await rig.round()
    parked = await rig.get(job)
    rig.switch(backend, {backend})
    heal(rig)
    await rig.until(job, JobState.DELIVERED)

    assert (JobState.READY, True) == (parked.state, parked.parked)


async def test_a_closed_service_does_not_affect_the_other(rig: Rig, backend: Backend) -> None:
    rig.music.on_post = [answers(402, message="credits")]
    await asked(rig)
    await rig.round()
    with pytest.raises(ServiceClosed):
        await asked(rig)
    rig.switch(OTHER[backend], BOTH)

    job = await asked(rig)
    await rig.until(job, JobState.DELIVERED)
    state = await rig.database.read(lambda tx: breaker.read(tx, backend))

    assert ClosedCause.NO_CREDITS is state.closed


async def test_an_open_breaker_does_not_stop_the_other_service(rig: Rig, backend: Backend) -> None:
    for member in (1, 2, 3):
        rig.music.on_post = [rig.music.lost_answer]
        origin = make.origin(member_id=member)
        job = await rig.ask(make.prompt(f"words {member}", model=MODEL[backend]), origin)
        await rig.until(job, JobState.EXPLAINED)
    rig.switch(OTHER[backend], BOTH)

    job = await asked(rig)
    await rig.round()
    opened = await rig.database.read(lambda tx: breaker.blocked_until(breaker.read(tx, backend), rig.clock()))

    assert (True, JobState.RUNNING) == (opened is not None, await rig.state(job))


async def test_a_request_with_unknown_outcome_is_never_tried_at_the_other(rig: Rig, backend: Backend) -> None:
    rig.music.on_post = [rig.music.lost_answer]
    job = await asked(rig)
    await rig.round()
    rig.switch(OTHER[backend], BOTH)

    await rig.until(job, JobState.EXPLAINED)

    assert FailReason.OUTCOME_UNKNOWN is (await rig.get(job)).reason
    assert {backend: 1, OTHER[backend]: 0} == posts(rig)


async def test_a_queued_song_gets_a_model_that_the_new_service_sells(rig: Rig, backend: Backend) -> None:
    job = await asked(rig)
    rig.switch(OTHER[backend], {OTHER[backend]})

    await rig.until(job, JobState.DELIVERED)

    # kie still accepts V5, which it has retired; the documented service has never sold V6.
    assert (OTHER[backend], "V5") == ((await rig.get(job)).backend, rig.task.body["model"])


async def test_a_model_known_only_to_the_operator_is_sent(rig: Rig, backend: Backend) -> None:
    async with rig.services() as (music, _):
        models = [music.on_sale(make.prompt(model=model)).model for model in ("V9", MODEL[backend])]

    assert ["V9", MODEL[backend]] == models


async def test_equal_task_ids_of_two_services_do_not_clash(rig: Rig, backend: Backend) -> None:
    first = await asked(rig, "first")
    await rig.until(first, JobState.RUNNING)
    rig.switch(OTHER[backend], BOTH)

    second = await asked(rig, "second")
    for job in (first, second):
        await rig.until(job, JobState.DELIVERED)

    done = [await rig.get(job) for job in (first, second)]
    assert (["task-1"] * 2, [backend, OTHER[backend]]) == (
        [job.task_id for job in done],
        [job.backend for job in done],
    )


async def test_many_songs_survive_several_switches(rig: Rig, backend: Backend) -> None:
    await rig.credits.set_allowance(make.GUILD, 1_000, None, make.entry())
    for service in rig.music_of.values():
        service.done_at_once = False
    made: list[Job] = []
    for keys in ({OTHER[backend]}, BOTH, {backend}, BOTH):
        made += [await asked(rig, f"{len(made)} {number}") for number in range(3)]
        await rig.round()
        for service in rig.music_of.values():
            for task in list(service.tasks.values())[::2]:
                task.status = "success"
        await rig.round()
        made += [await asked(rig, f"late {len(made)}")]
        rig.switch(OTHER[rig.backend], keys | {OTHER[rig.backend]})
    rig.switch(backend, BOTH)
    heal(rig)

    for job in made:
        await rig.until(job, JobState.DELIVERED)

    assert (len(made), len(made), ()) == (
        sum(posts(rig).values()),
        len(rig.chat.posts),
        await findings(rig),
    )
    assert {"set": 1, "hold": len(made), "settle": len(made)} == await rig.books()


async def test_kies_details_of_takes_and_cost_are_stored(rig: Rig, backend: Backend) -> None:
    job = await asked(rig)

    await rig.until(job, JobState.DELIVERED)

    done = await rig.get(job)
    expected = {KIE: (["take-1", "take-2"], 12.0), SSEEDANCE: ([], None)}
    assert expected[backend] == ([take.upstream_id for take in done.takes], done.upstream_credits)


async def test_requests_to_one_service_do_not_slow_the_other(rig: Rig, backend: Backend) -> None:
    await rig.credits.set_allowance(make.GUILD, 1_000, None, make.entry())
    for number in range(6):
        await asked(rig, f"song {number}")
    for _ in range(3):
        await rig.round()

    since = rig.clock() - timedelta(seconds=10)
    counts = await rig.database.read(
        lambda tx: {each: claims.submitted_since(tx, each, since)[0] for each in Backend}
    )

    assert {backend: 6, OTHER[backend]: 0} == counts
