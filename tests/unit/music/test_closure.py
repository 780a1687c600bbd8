"""Answers that close the service for everybody, and answers that fail one request alone."""

import json
from collections.abc import Callable

import httpx
import pytest

from bot.model import ClosedCause, FailReason, JobState
from bot.music import client as client_module
from bot.music import wire
from tests import make
from tests.doubles.in_process import answers
from tests.unit.music.test_client import Service, connected
from tests.unit.pipeline.rig import Rig

WAF_PAGE = b"<!DOCTYPE html><html><title>Attention Required! | Cloudflare</title></html>"

CERTAIN: list[tuple[int, dict[str, object], ClosedCause]] = [
    (401, {}, ClosedCause.BAD_KEY),
    (402, {}, ClosedCause.NO_CREDITS),
    (200, {"code": 401, "msg": "no"}, ClosedCause.BAD_KEY),
    (200, {"code": 402, "msg": "no"}, ClosedCause.NO_CREDITS),
    (402, {"message": "content policy"}, ClosedCause.NO_CREDITS),
    (429, {"error": {"code": "insufficient_quota", "message": "no"}}, ClosedCause.NO_CREDITS),
    (403, {"error": {"type": "Insufficient_User_Quota", "message": "no"}}, ClosedCause.NO_CREDITS),
    (400, {"code": "invalid_api_key", "message": "no"}, ClosedCause.BAD_KEY),
    (403, {"error": {"code": "account_suspended"}}, ClosedCause.BAD_KEY),
]
SUSPECT: list[tuple[int, bytes, ClosedCause]] = [
    (403, WAF_PAGE, ClosedCause.BAD_KEY),
    (403, b"", ClosedCause.BAD_KEY),
    (404, b'{"message": "Model V4 not found"}', ClosedCause.NOT_OPEN),
    (400, b'{"message": "Model V4 is not available"}', ClosedCause.NOT_OPEN),
    (422, b'{"message": "Prompt is insufficient: add detail"}', ClosedCause.NO_CREDITS),
    (400, b'{"message": "production credits are not allowed"}', ClosedCause.NO_CREDITS),
    (400, b'{"message": "the balance must be right"}', ClosedCause.NO_CREDITS),
    (400, b'{"message": "coming soon"}', ClosedCause.NOT_OPEN),
]
WORDY = [
    ("400", "the balance of this violates our policy"),
    ("403", "moderation: coming soon is not allowed"),
]


@pytest.mark.parametrize(("status", "said", "cause"), CERTAIN)
def test_answers_about_the_account_close_with_certainty(
    status: int, said: dict[str, object], cause: ClosedCause
) -> None:
    outcome = wire.read_submitted(status, json.dumps(said).encode(), (), None)

    assert isinstance(outcome, wire.Rejected)
    assert (FailReason.CLOSED, cause, False) == (outcome.reason, outcome.closed, outcome.suspect)


@pytest.mark.parametrize(("status", "body", "cause"), SUSPECT)
def test_messages_and_pages_are_only_a_suspicion(status: int, body: bytes, cause: ClosedCause) -> None:
    outcome = wire.read_submitted(status, body, (), None)

    assert isinstance(outcome, wire.Rejected)
    assert (cause, True) == (outcome.closed, outcome.suspect)


@pytest.mark.parametrize(("status", "message"), WORDY)
def test_moderation_takes_precedence_over_closing_words(status: str, message: str) -> None:
    outcome = wire.read_submitted(int(status), json.dumps({"message": message}).encode(), (), None)

    assert wire.Rejected(FailReason.MODERATED, message) == outcome


def endpoint(to_song: tuple[int, bytes], to_question: tuple[int, bytes]) -> tuple[Service, list[bytes]]:
    """Return a service that answers song requests, and requests that cannot be accepted."""
    questions: list[bytes] = []

    def reply(request: httpx.Request) -> httpx.Response:
        if request.content == b"{}":
            questions.append(request.content)
        status, body = to_question if request.content == b"{}" else to_song
        return httpx.Response(status, stream=httpx.ByteStream(body))

    return Service(reply), questions


@pytest.mark.parametrize(("status", "body", "cause"), SUSPECT)
async def test_a_suspicion_is_confirmed_only_by_the_same_answer(
    status: int, body: bytes, cause: ClosedCause
) -> None:
    for to_question, confirmed in (((status, body), True), ((422, b'{"message": "provider?"}'), False)):
        service, questions = endpoint((status, body), to_question)
        async with connected(service) as client:
            rejected = await client.submit(make.prompt())
            assert isinstance(rejected, wire.Rejected)
            assert cause is rejected.closed
            assert [confirmed] * 3 == [await client.confirms(rejected) for _ in range(3)]
        assert 1 == len(questions)


@pytest.mark.parametrize(
    ("to_question", "answer"),
    [
        ((422, b'{"message": "provider is required"}'), wire.Open()),
        ((400, b""), wire.Open()),
        ((413, WAF_PAGE), wire.Open()),
        ((402, b""), wire.Rejected(FailReason.CLOSED, "", ClosedCause.NO_CREDITS)),
        ((401, b""), wire.Rejected(FailReason.CLOSED, "", ClosedCause.BAD_KEY)),
        ((404, b""), wire.Rejected(FailReason.CLOSED, "", ClosedCause.NOT_OPEN, suspect=True)),
        ((500, b""), wire.Unknown("HTTP 500")),
        ((429, b'{"message": "slow down"}'), wire.Unknown("slow down")),
    ],
)
async def test_the_free_question_reveals_whether_the_service_is_open(
    to_question: tuple[int, bytes], answer: object
) -> None:
    service, _ = endpoint((500, b""), to_question)

    async with connected(service) as client:
        assert answer == await client.ask_whether_open()


async def test_a_free_question_without_an_answer_confirms_nothing() -> None:
    async with connected(Service(httpx.ConnectError("refused"))) as client:
        assert wire.Unknown("ConnectError") == await client.ask_whether_open()
        rejected = wire.Rejected(FailReason.CLOSED, "", ClosedCause.NOT_OPEN, suspect=True)
        assert not await client.confirms(rejected)


async def test_the_free_question_is_asked_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    service, questions = endpoint((500, b""), (404, b""))
    async with connected(service) as client:
        await client.ask_whether_open()
        await client.ask_whether_open()
        monkeypatch.setattr(client_module, "FREE_ANSWER_S", 0.0)
        await client.ask_whether_open()

    assert 2 == len(questions)


async def test_a_service_that_accepts_the_free_question_is_never_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "FREE_ANSWER_S", 0.0)
    service, questions = endpoint((500, b""), (200, b'{"id": "oops"}'))
    async with connected(service) as client:
        outcomes = [await client.ask_whether_open() for _ in range(3)]

    assert [wire.Open, wire.Unknown, wire.Unknown] == [type(outcome) for outcome in outcomes]
    assert 1 == len(questions)


Answer = Callable[[httpx.Request], httpx.Response]


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(403, content=WAF_PAGE),
        answers(404, message="Model V4 not found"),
        answers(400, message="Model V4 is not available"),
        answers(422, message="Prompt is insufficient: add detail"),
        answers(400, message="production credits are not allowed"),
        answers(400, message="the balance must be right"),
        answers(400, message="this violates our policy: no balance"),
    ],
)
async def test_the_answer_to_one_members_words_does_not_stop_the_others(answer: Answer, rig: Rig) -> None:
    rig.music.closed_for_all = False
    rig.music.on_post = [answer]
    first = await rig.ask()
    await rig.until(first, JobState.EXPLAINED)

    other = await rig.ask()
    await rig.until(other, JobState.DELIVERED)

    assert (await rig.get(first)).reason in (FailReason.REFUSED, FailReason.MODERATED)
    assert (2, 1) == (rig.music.posts, len(rig.music.tasks))


async def test_a_closed_endpoint_is_reported_to_the_first_requester(rig: Rig) -> None:
    rig.music.on_post = [answers(404, message="Music is coming soon")]
    first = await rig.ask()
    await rig.until(first, JobState.EXPLAINED)
    job = await rig.get(first)

    assert (FailReason.CLOSED, ClosedCause.NOT_OPEN) == (job.reason, job.closed)
    assert (1, 1) == (rig.music.posts, rig.music.free_questions)
