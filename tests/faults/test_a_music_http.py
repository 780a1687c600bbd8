"""HTTP faults of the music API: the job's outcome, and the member's view of it."""

import asyncio
import itertools
import json
import re
import socket
import ssl
from collections.abc import Callable, Iterable
from datetime import timedelta

import httpcore
import httpx
import pytest

from bot.model import ClosedCause, FailReason, Job, JobState
from bot.music import client as client_module
from bot.music.queries import ANSWER_MAX_BYTES
from bot.music.tls import tls_context
from bot.refusals import ServiceClosed
from bot.ui import cards, messages
from bot.ui.language import ENGLISH
from tests import make
from tests.doubles.in_process import answers, raises
from tests.faults.loopback import Exchange, Loopback, Meet, wire
from tests.faults.promise import assert_survived
from tests.unit.pipeline.rig import Rig

DONE, TOLD, QUEUED, RUNNING = JobState.DELIVERED, JobState.EXPLAINED, JobState.QUEUED, JobState.RUNNING
HTML = b"<!DOCTYPE html><html><body>Something went wrong</body></html>"
NOT_JSON = {"Content_Type": "text/html"}


class NoNetwork(httpcore.AsyncNetworkBackend):
    """Fails every connection with a given error, before anything is sent."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's interface
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        raise self._error

    def transport(self) -> httpx.AsyncBaseTransport:
        """Return httpx's own transport on top of it."""
        context = tls_context()
        made = httpx.AsyncHTTPTransport(verify=context)
        made._pool = httpcore.AsyncConnectionPool(ssl_context=context, network_backend=self)
        return made


# -- requests that were never sent


@pytest.mark.parametrize(
    "fault", ["refused", "no such name", "slow connect", "no TLS there", "TLS broken off"]
)
async def test_an_unreachable_service_is_tried_for_ten_minutes(
    fault: str, rig: Rig, caplog: pytest.LogCaptureFixture, loopback: Loopback
) -> None:
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    match fault:
        case "refused":
            rig.url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        case "no such name":
            unknown = socket.gaierror(-2, "Name or service not known")
            rig.api_over = NoNetwork(httpcore.ConnectError(unknown)).transport
        case "slow connect":
            rig.api_over = NoNetwork(httpcore.ConnectTimeout()).transport
        case _:
            rig.url = loopback.url.replace("http:", "https:")
            loopback.blurts = wire(400) if fault == "no TLS there" else b""
    job = await rig.ask()

    waits = []
    while await rig.state(job) is QUEUED:
        await rig.step(job)
        if await rig.state(job) is QUEUED:
            waits.append(await rig.wait_s(job))
    await rig.until(job, TOLD)
    closed.close()

    assert FailReason.EXPIRED is (await rig.get(job)).reason
    assert timedelta(minutes=10) <= rig.clock.now - make.NOW < timedelta(minutes=12)
    assert [2.0, 4.0, 8.0, 16.0, 32.0] == waits[:5]
    assert {60.0} == set(waits[5:])
    assert [] == loopback.seen
    await assert_survived(rig, caplog, job, says="request not accepted", posts=0)


@pytest.mark.documented
async def test_a_service_that_recovers_within_ten_minutes_makes_the_song(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    async with Loopback.open(rig, listening=False) as server:
        job = await rig.ask()
        while rig.clock.now - make.NOW < timedelta(minutes=5):
            await rig.step()
        assert QUEUED is await rig.state(job)

        await server.listen()
        await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says="request not accepted", posts=1)


async def test_jobs_waiting_for_a_connection_do_not_retry_together(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    shares = itertools.cycle([-1.0, 0.5])
    rig.vary = lambda: next(shares)
    rig.music.on_post = [raises(httpx.ConnectError("")) for _ in range(2)]
    first, second = await rig.ask(), await rig.ask()

    await rig.round()
    waits = {await rig.wait_s(first), await rig.wait_s(second)}
    for job in (first, second):
        await rig.until(job, DONE)

    assert {1.8, 2.1} == {round(wait_s or 0, 3) for wait_s in waits}
    await assert_survived(rig, caplog, first, second, says="request not accepted", posts=4)


# -- requests that may have been accepted


def says(content: bytes) -> Meet:
    """Answer with this content, although the request was accepted and charged."""

    async def meet(exchange: Exchange) -> None:
        exchange.music.take(exchange.request)
        await exchange.send(content)

    return meet


async def reset(exchange: Exchange) -> None:
    exchange.music.take(exchange.request)
    exchange.reset()


async def reset_in_the_answer(exchange: Exchange) -> None:
    await exchange.send((await exchange.answer())[:-5])
    await asyncio.sleep(0.01)
    exchange.reset()


async def hang(exchange: Exchange) -> None:
    exchange.music.take(exchange.request)
    await asyncio.sleep(5.0)


async def trickle(exchange: Exchange) -> None:
    for byte in await exchange.answer():
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0.02)


async def endless(exchange: Exchange) -> None:
    exchange.music.take(exchange.request)
    await exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(ANSWER_MAX_BYTES // 50_000 * 10):
        await exchange.send(b" " * 50_000)


async def cut_in_a_chunk(exchange: Exchange) -> None:
    exchange.music.take(exchange.request)
    await exchange.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{"id":"task')


async def elsewhere(exchange: Exchange) -> None:
    exchange.music.take(exchange.request)
    await exchange.send(wire(307, Location="/v1/music/generations?again"))


AMBIGUOUS: dict[str, Meet] = {
    "reset": reset,
    "closed without an answer": says(b""),
    "reset in the answer": reset_in_the_answer,
    "no answer in time": hang,
    "an answer byte by byte": trickle,
    "an endless answer": endless,
    "a cut chunk": cut_in_a_chunk,
    "no HTTP": says(b"hello\r\n\r\n"),
    "empty 200": says(wire(200)),
    "HTML 200": says(wire(200, HTML, **NOT_JSON)),
    "truncated 200": says(wire(200, b'{"id":"task-1"}', Content_Length="100")),
    "cut JSON": says(wire(200, b'{"id":"task-')),
    "200 without an id": says(wire(200, b'{"status":"pending"}')),
    "204": says(wire(204)),
    "a compressed answer": says(wire(200, b"\x1f\x8b\x08\x00", Content_Encoding="gzip")),
    "307": elsewhere,
    **{str(status): says(wire(status, Location="/elsewhere")) for status in (301, 302, 303, 304, 308)},
    **{
        str(status): says(wire(status, HTML, **NOT_JSON)) for status in (500, 502, 503, 504, *range(520, 525))
    },
    "500 in JSON": says(wire(500, b'{"error":{"message":"internal"}}')),
    "503 in plain text": says(wire(503, b"upstream connect error")),
}


@pytest.mark.parametrize("fault", AMBIGUOUS)
async def test_an_unclear_answer_fails_the_job_which_is_never_sent_again(
    fault: str,
    rig: Rig,
    caplog: pytest.LogCaptureFixture,
    loopback: Loopback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "answer" in fault:
        monkeypatch.setattr(client_module, "POST_S", 0.15)
    loopback.on_post = [AMBIGUOUS[fault]]
    job = await rig.ask()

    await rig.until(job, TOLD)

    assert FailReason.OUTCOME_UNKNOWN is (await rig.get(job)).reason
    assert ["POST"] == [method for _, method, _ in loopback.seen]
    assert {"hold": 1, "release": 1} == await rig.books()
    await assert_survived(rig, caplog, job, says="outcome unknown", posts=1)


async def test_an_unknown_outcome_does_not_affect_the_next_request(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [rig.music.lost_answer]
    lost = await rig.ask()
    await rig.until(lost, TOLD)

    job = await rig.ask()
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, lost, job, says="(outcome unknown|delivered)", posts=2)


# -- busy

RETRY_AFTER_S = {
    "90": 90.0,
    "1.5": 1.5,
    "Sat, 14 Mar 2026 15:10:56 GMT": 90.0,
    "Sat, 14 Mar 2026 16:10:56 +0100": 90.0,
    "Sat, 14 Mar 2026 15:10:56": 90.0,
    "Sat, 14 Mar 2026 15:00:00 GMT": 1.0,
    "Fri, 31 Dec 9999 23:59:59 GMT": 600.0,
    "0": 1.0,
    "-5": 1.0,
    "1000000000000": 600.0,
    "9" * 400: 600.0,
    "soon": 2.0,
    "": 2.0,
    "1e9": 2.0,
    "nan": 2.0,
    "Sat, 99 Foo 2026 99:99:99 +9999": 2.0,
}


def busy(retry_after: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(429, headers={"Retry-After": retry_after}, json={"message": "slow down"})


@pytest.mark.parametrize("retry_after", RETRY_AFTER_S, ids=lambda text: text[:32])
async def test_a_busy_service_is_left_alone_for_its_requested_bounded_wait(
    retry_after: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [busy(retry_after)]
    job = await rig.ask()

    await rig.round()
    waited_s = await rig.wait_s(job)
    await rig.until(job, DONE)

    assert RETRY_AFTER_S[retry_after] == waited_s
    await assert_survived(rig, caplog, job, says="request not accepted", posts=2)


@pytest.mark.parametrize("share", [-1.0, 1.0])
@pytest.mark.parametrize(("retry_after", "least_s"), [("90", 90.0), ("0", 1.0), ("1000000000000", 1.0)])
async def test_jitter_only_adds_to_the_requested_wait_within_bounds(
    retry_after: str, least_s: float, share: float, rig: Rig
) -> None:
    rig.vary = lambda: share
    rig.music.on_post = [busy(retry_after)]
    job = await rig.ask()

    await rig.round()

    assert least_s <= (await rig.wait_s(job) or 0.0) <= 600.0


# -- closed

_others = itertools.count(7_000)
CLOSED: dict[str, tuple[Callable[[httpx.Request], httpx.Response], ClosedCause]] = {
    "401": (answers(401), ClosedCause.BAD_KEY),
    "401 as a page": (lambda _: httpx.Response(401, content=HTML), ClosedCause.BAD_KEY),
    "403": (answers(403), ClosedCause.BAD_KEY),
    "no auth": (answers(400, message="No auth header"), ClosedCause.BAD_KEY),
    "invalid key in a good answer": (answers(200, code=401, msg="Invalid API key"), ClosedCause.BAD_KEY),
    "402": (answers(402), ClosedCause.NO_CREDITS),
    "402 as a page": (lambda _: httpx.Response(402, content=HTML), ClosedCause.NO_CREDITS),
    "402 in a good answer": (answers(200, code=402, msg="pay"), ClosedCause.NO_CREDITS),
    "402 as text in a good answer": (answers(200, code="402"), ClosedCause.NO_CREDITS),
    **{
        f"no credits under {status}": (
            answers(status, error={"message": "Insufficient credits"}),
            ClosedCause.NO_CREDITS,
        )
        for status in (200, 400, 403, 422, 429, 500, 503)
    },
    "balance": (answers(400, msg="Your balance is too low"), ClosedCause.NO_CREDITS),
    "404": (answers(404), ClosedCause.NOT_OPEN),
    "404 as a page": (lambda _: httpx.Response(404, content=HTML), ClosedCause.NOT_OPEN),
    "405": (answers(405), ClosedCause.NOT_OPEN),
    "501": (answers(501), ClosedCause.NOT_OPEN),
    **{
        f"coming soon under {status}": (answers(status, message="Music: Coming soon!"), ClosedCause.NOT_OPEN)
        for status in (400, 403, 404, 503)
    },
    "coming soon as an error": (answers(200, error="coming soon"), ClosedCause.NOT_OPEN),
    "coming soon as code -1": (answers(200, code=-1, message="coming soon"), ClosedCause.NOT_OPEN),
    "not available": (answers(200, success=False, message="Not available yet"), ClosedCause.NOT_OPEN),
    "not open": (answers(400, detail="The music endpoint is not open"), ClosedCause.NOT_OPEN),
    "preview": (answers(403, message="Preview only"), ClosedCause.NOT_OPEN),
}


@pytest.mark.documented
@pytest.mark.parametrize("answer", CLOSED)
async def test_a_closed_service_fails_the_job_that_met_it_and_refuses_new_ones(
    answer: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    closed, cause = CLOSED[answer]
    rig.music.on_post = [closed]
    job = await rig.ask()

    await rig.until(job, TOLD)
    with pytest.raises(ServiceClosed) as refused:
        await rig.ask()

    told = await rig.get(job)
    assert (FailReason.CLOSED, cause) == (told.reason, told.closed)
    assert (cause, make.NOW + timedelta(minutes=15)) == (refused.value.cause, refused.value.until)
    assert messages.refusal(ENGLISH, refused.value).startswith(messages.closed(ENGLISH, cause))
    assert 1 == len(rig.alerts)
    await assert_survived(rig, caplog, job, says=r"failed \(closed\)")


@pytest.mark.parametrize("status", [401, 402, pytest.param(404, marks=pytest.mark.documented)])
async def test_requests_waiting_for_a_closed_service_are_made_afterwards(
    status: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [answers(status)]
    first = await rig.ask()
    taken = await rig.intake.accept(make.prompt(), make.origin())
    assert taken is not None
    other = taken.job

    await rig.until(first, TOLD)
    rig.clock.forward(minutes=14)
    await rig.round()
    assert (1, QUEUED) == (rig.music.posts, await rig.state(other))
    await rig.until(other, DONE)
    third = await rig.ask()
    await rig.until(third, DONE)

    assert 1 == len(rig.alerts)
    await assert_survived(rig, caplog, first, other, third, says=r"(failed \(closed\)|delivered)", posts=3)


async def test_one_job_tries_a_closed_service_after_15_30_and_every_60_minutes(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [answers(402) for _ in range(5)]
    jobs, waits = [], []

    for _ in range(5):
        jobs.append(await rig.ask())
        await rig.until(jobs[-1], TOLD)
        with pytest.raises(ServiceClosed) as refused:
            await rig.ask()
        waits.append((refused.value.until - rig.clock.now) / timedelta(minutes=1))
        rig.clock.now = refused.value.until

    assert [15, 30, 60, 60, 60] == waits
    assert 1 == len(rig.alerts)
    await assert_survived(rig, caplog, *jobs, says=r"failed \(closed\)", posts=5)


async def test_requests_that_meet_a_closed_service_together_count_as_one_try(rig: Rig) -> None:
    rig.music.on_post = [answers(402) for _ in range(4)]
    for _ in range(4):
        await rig.ask()

    await rig.round()
    with pytest.raises(ServiceClosed) as refused:
        await rig.ask()

    assert 4 == rig.music.posts
    assert timedelta(minutes=15) == refused.value.until - rig.clock.now
    assert 1 == len(rig.alerts)


async def test_an_unknown_outcome_does_not_lift_the_pause_of_a_closed_service(rig: Rig) -> None:
    rig.music.on_post = [answers(402), rig.music.lost_answer]
    jobs = [await rig.ask(), await rig.ask()]

    await rig.round()

    assert {FailReason.CLOSED, FailReason.OUTCOME_UNKNOWN} == {(await rig.get(job)).reason for job in jobs}
    with pytest.raises(ServiceClosed):
        await rig.ask()


# -- refusals


@pytest.mark.parametrize(
    ("status", "reason", "shown"),
    [
        (400, "style is required", "style is required"),
        (400, "x" * 5_000, "x" * 300),
        (422, "🎵" * 400, "🎵" * 300),
        (422, "two\nlines\t\x00 and \u202emore", "two lines and more"),
        (413, "too large", "too large"),
    ],
    ids=["400", "long", "emoji", "lines", "413"],
)
async def test_a_refusal_reaches_the_member_with_its_reason_escaped_and_cut(
    status: int, reason: str, shown: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [answers(status, error={"message": reason})]
    job = await rig.ask()

    await rig.until(job, TOLD)

    told = await rig.get(job)
    assert FailReason.REFUSED is told.reason
    assert f"The music service did not accept the request. It said: “{shown}” Your 10 credits are back." == (
        cards.notice(ENGLISH, told).description
    )
    await assert_survived(rig, caplog, job, says=r"failed \(refused\)")


async def test_a_reason_pings_nobody_and_formats_nothing(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.music.on_post = [answers(400, message="**no** @everyone <@1> [x](https://x.example) `a` ||b||")]
    job = await rig.ask()

    await rig.until(job, TOLD)

    shown = cards.notice(ENGLISH, await rig.get(job)).description or ""
    assert not re.search(r"(?<!\\)[*_~|`<\[]|@everyone", shown)
    await assert_survived(rig, caplog, job, says=r"failed \(refused\)")


@pytest.mark.documented
@pytest.mark.parametrize(
    "answer",
    [
        answers(400, message="Prompt contains sensitive words"),
        answers(422, msg="Blocked by moderation"),
        answers(403, message="Violates our content policy"),
        answers(200, code=400, msg="Contains an artist name"),
        answers(451, message="copyright"),
        answers(200, success=False, message="copyrighted material"),
    ],
)
async def test_moderated_words_reach_the_member_with_the_reason(
    answer: Callable[[httpx.Request], httpx.Response], rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [answer]
    job = await rig.ask()

    await rig.until(job, TOLD)

    told = await rig.get(job)
    assert (FailReason.MODERATED, True) == (told.reason, bool(told.detail))
    await assert_survived(rig, caplog, job, says=r"failed \(moderated\)")
    assert QUEUED is (await rig.ask()).state
    assert [] == rig.alerts


@pytest.mark.parametrize(
    "typed", ["insufficient credits, coming soon", "no auth; sensitive policy on copyright", "not available"]
)
async def test_members_words_echoed_in_the_reason_close_nothing(
    typed: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [answers(400, message=f"Not a song: {typed}")]
    job = await rig.ask(make.prompt(typed))

    await rig.until(job, TOLD)

    assert FailReason.REFUSED is (await rig.get(job)).reason
    await assert_survived(rig, caplog, job, says=r"failed \(refused\)")
    assert QUEUED is (await rig.ask()).state


# -- errors in a good answer


@pytest.mark.documented
@pytest.mark.parametrize(
    ("body", "state", "reason"),
    [
        ({"code": 400, "msg": "bad"}, TOLD, FailReason.REFUSED),
        ({"code": "422", "msg": "bad"}, TOLD, FailReason.REFUSED),
        ({"code": 401}, TOLD, FailReason.CLOSED),
        ({"code": 402}, TOLD, FailReason.CLOSED),
        ({"code": 404}, TOLD, FailReason.CLOSED),
        ({"code": 405}, TOLD, FailReason.CLOSED),
        ({"code": 501}, TOLD, FailReason.CLOSED),
        ({"code": 500}, TOLD, FailReason.OUTCOME_UNKNOWN),
        ({"code": 531, "msg": "generation failed"}, TOLD, FailReason.OUTCOME_UNKNOWN),
        ({"code": 503}, TOLD, FailReason.OUTCOME_UNKNOWN),
        ({"code": -1}, TOLD, FailReason.OUTCOME_UNKNOWN),
        ({"code": 10**30}, TOLD, FailReason.OUTCOME_UNKNOWN),
        ({"success": False}, TOLD, FailReason.OUTCOME_UNKNOWN),
        ({"error": "sensitive words"}, TOLD, FailReason.MODERATED),
        ({"code": 429, "msg": "too many"}, QUEUED, None),
        ({"code": 430}, QUEUED, None),
        ({"code": 455, "msg": "maintenance"}, QUEUED, None),
        ({"code": 503, "msg": "overloaded"}, QUEUED, None),
    ],
    ids=str,
)
async def test_an_error_in_a_good_answer_is_classified_by_its_code(
    body: dict[str, object],
    state: JobState,
    reason: FailReason | None,
    rig: Rig,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig.music.on_post = [answers(200, **body, data=None)]
    job = await rig.ask()

    await rig.until(job, TOLD) if state is TOLD else await rig.round()

    assert (state, reason) == (await rig.state(job), (await rig.get(job)).reason)
    await assert_survived(rig, caplog, job, says=rf"(failed \({reason}\)|request not accepted)")


@pytest.mark.documented
async def test_an_id_next_to_an_error_is_kept_and_queried(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def accepted(request: httpx.Request) -> httpx.Response:
        task = rig.music.take(request)
        return httpx.Response(200, json={"code": 500, "msg": "internal", "data": {"taskId": task.id}})

    rig.music.on_post = [accepted]
    job = await rig.ask()

    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says="delivered")


# -- status queries that fail

NO_ANSWER: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "500": answers(500, message="oops"),
    "502 as a page": lambda _: httpx.Response(502, content=HTML),
    "503": answers(503),
    "524": answers(524),
    "429": answers(429),
    "an error in a good answer": answers(200, code=500, msg="internal"),
    "a page": lambda _: httpx.Response(200, content=HTML),
    "nothing": lambda _: httpx.Response(200),
    "302": lambda _: httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
    "read timeout": raises(httpx.ReadTimeout("")),
    "reset": raises(httpx.ReadError("")),
    "refused": raises(httpx.ConnectError("")),
    "TLS": raises(ssl.SSLError("bad record mac")),
}


@pytest.mark.parametrize("fault", NO_ANSWER)
async def test_a_song_survives_failing_status_queries(
    fault: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [NO_ANSWER[fault] for _ in range(8)]

    waits = []
    while rig.music.on_poll:
        await rig.step(job)
        waits.append(await rig.wait_s(job))
        assert RUNNING is await rig.state(job)
    assert 10 == (await rig.balance()).held
    await rig.until(job, DONE)

    assert [10.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0, 60.0] == waits
    await assert_survived(rig, caplog, job, says=r"step postponed \(status query")


async def test_a_song_survives_hours_of_failing_status_queries(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = list(itertools.islice(itertools.cycle(NO_ANSWER.values()), 1_000))

    waits: list[tuple[timedelta, float]] = []
    while rig.clock.now - make.NOW < timedelta(hours=5):
        await rig.step(job)
        waits.append((rig.clock.now - make.NOW, await rig.wait_s(job) or 0.0))
    assert (RUNNING, False) == (await rig.state(job), (await rig.get(job)).parked)
    rig.music.on_poll.clear()
    await rig.until(job, DONE)

    assert 60.0 == max(wait_s for age, wait_s in waits if age < timedelta(minutes=60))
    assert {300.0} == {wait_s for age, wait_s in waits if age > timedelta(minutes=61)}
    await assert_survived(rig, caplog, job, says=r"step postponed \(status query")


@pytest.mark.parametrize("fault", ["still processing", "500", "read timeout"])
async def test_a_song_without_an_answer_for_a_day_is_parked_and_reported(
    fault: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    silent = NO_ANSWER.get(fault, answers(200, data={"status": "processing"}))
    rig.music.on_poll = [silent for _ in range(20)]
    await rig.step(job)

    rig.clock.now = make.NOW + timedelta(hours=24)
    await rig.step(job)
    parked = await rig.get(job)
    assert (RUNNING, True, 10) == (parked.state, parked.parked, (await rig.balance()).held)
    assert 1 == len(rig.alerts)

    await assert_survived(rig, caplog, job, says="parked")


@pytest.mark.parametrize(("retry_after", "waited_s"), [("120", 120.0), ("0", 1.0), ("1000000000000", 300.0)])
async def test_a_status_query_observes_the_requested_wait_within_bounds(
    retry_after: str, waited_s: float, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [busy(retry_after)]

    await rig.step(job)
    put_off_s = await rig.wait_s(job)
    await rig.until(job, DONE)

    assert waited_s == put_off_s
    await assert_survived(rig, caplog, job, says=r"step postponed \(status query")


# -- unknown tasks

MISSING: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "404": answers(404, message="task not found"),
    "404 as a page": lambda _: httpx.Response(404, content=HTML),
    "422": answers(422, msg="recordInfo is null"),
    "404 in a good answer": answers(200, code=404, msg="no such task"),
    "words in a good answer": answers(200, code=422, msg="recordInfo is null", data=None),
}


@pytest.mark.parametrize("fault", MISSING)
async def test_a_task_unknown_in_the_first_two_minutes_is_waited_for(
    fault: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [MISSING[fault] for _ in range(100)]

    while rig.clock.now - make.NOW < timedelta(minutes=2):
        await rig.step()
        assert RUNNING is await rig.state(job)
    rig.music.on_poll.clear()
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.parametrize("fault", MISSING)
async def test_a_task_is_lost_after_five_misses_over_five_minutes(
    fault: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [MISSING[fault] for _ in range(200)]
    rig.clock.now = make.NOW + timedelta(minutes=1, seconds=55)

    await rig.until(job, TOLD)

    assert FailReason.LOST is (await rig.get(job)).reason
    assert timedelta(minutes=7) <= rig.clock.now - make.NOW <= timedelta(minutes=7, seconds=30)
    await assert_survived(rig, caplog, job, says=r"failed \(lost\)")


async def test_a_task_that_is_known_intermittently_is_not_lost(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.clock.forward(minutes=3)
    missing, running = MISSING["404"], answers(200, data={"status": "processing"})
    rig.music.on_poll = [*([missing] * 20), running, *([missing] * 8)]

    await rig.until(job, DONE)

    assert rig.clock.now - make.NOW > timedelta(minutes=9)
    await assert_survived(rig, caplog, job, says="delivered")


async def test_a_task_with_few_misses_is_not_lost_however_old_the_first_is(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.clock.forward(hours=2)
    rig.music.on_poll = [MISSING["404"] for _ in range(4)]

    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says="delivered")


# -- the key


@pytest.mark.parametrize("status", [401, 403])
async def test_polling_continues_with_a_new_key_and_nothing_is_lost(
    status: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    old = rig.key

    def locked(request: httpx.Request) -> httpx.Response:
        refused = request.headers["Authorization"] == f"Bearer {old}"
        rig.music.on_poll.append(locked)
        if refused:
            return httpx.Response(status, json={"message": f"the key {old} is not valid"})
        rig.music.on_poll.clear()
        return httpx.Response(200, json={"data": {"status": "processing"}})

    jobs = [await rig.ask() for _ in range(3)]
    for job in jobs:
        await rig.until(job, RUNNING)
    rig.music.on_poll = [locked]

    async with rig.process() as runner:
        for _ in range(8):
            rig.clock.forward(seconds=20)
            await runner.round()
    asked_with_the_old_key = rig.music.polls
    assert 10 * len(jobs) == (await rig.balance()).held
    rig.key = "sk-live-a-new-one"
    for job in jobs:
        await rig.until(job, DONE)

    assert 1 == len(rig.alerts)
    # three jobs at once at first, then after each pause of a minute
    assert asked_with_the_old_key <= 3 * 3
    await assert_survived(rig, caplog, *jobs, says="delivered", secrets=(old,))


# -- the breaker


async def asked_by_somebody_else(rig: Rig) -> Job:
    """Make a request of a new member with new texts."""
    member_id = next(_others)
    return await rig.ask(make.prompt(f"by {member_id}"), make.origin(member_id=member_id))


async def test_after_three_unknown_outcomes_only_probes_leave_until_one_succeeds(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [rig.music.lost_answer for _ in range(8)]
    jobs = []
    for _ in range(3):
        jobs.append(await asked_by_somebody_else(rig))
        await rig.until(jobs[-1], TOLD)

    waits = []
    for sent in range(3, 8):
        jobs.append(await asked_by_somebody_else(rig))
        await rig.round()
        assert (sent, QUEUED) == (rig.music.posts, await rig.state(jobs[-1]))
        waits.append(await rig.wait_s(jobs[-1]))
        await rig.until(jobs[-1], TOLD)
    probe = await asked_by_somebody_else(rig)
    await rig.until(probe, DONE)
    after = await asked_by_somebody_else(rig)
    await rig.round()

    assert [60, 120, 240, 480, 900] == waits
    assert RUNNING is await rig.state(after)
    assert 1 == len(rig.alerts)
    await assert_survived(
        rig, caplog, *jobs, probe, after, says="(outcome unknown|delivered|running)", posts=10
    )


async def test_nothing_else_is_sent_while_a_probe_is_in_flight(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [rig.music.lost_answer for _ in range(3)]
    jobs = []
    for _ in range(3):
        jobs.append(await asked_by_somebody_else(rig))
        await rig.until(jobs[-1], TOLD)
    jobs += [await asked_by_somebody_else(rig) for _ in range(4)]
    rig.clock.forward(seconds=61)
    rig.music.on_post = [rig.music.lost_answer]

    await rig.round()

    assert 4 == rig.music.posts
    assert 3 == [await rig.state(job) for job in jobs].count(QUEUED)
    await assert_survived(rig, caplog, *jobs, says="(outcome unknown|queued)", posts=4)


async def test_nonconsecutive_unknown_outcomes_open_no_breaker(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    lost, no = rig.music.lost_answer, answers(400, message="no")
    rig.music.on_post = [lost, lost, no, lost, lost]
    jobs = []
    for _ in range(5):
        jobs.append(await asked_by_somebody_else(rig))
        await rig.until(jobs[-1], TOLD)

    jobs.append(await asked_by_somebody_else(rig))
    await rig.until(jobs[-1], DONE)

    assert [] == rig.alerts
    await assert_survived(rig, caplog, *jobs, says="(outcome unknown|failed|delivered)")


async def test_outcomes_received_by_no_process_open_no_breaker(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = []
    for _ in range(3):
        jobs.append(await asked_by_somebody_else(rig))
        async with rig.process() as runner:
            await rig.killed_at(runner, "POST")
        await rig.until(jobs[-1], TOLD)

    jobs.append(await asked_by_somebody_else(rig))
    await rig.until(jobs[-1], DONE)

    await assert_survived(rig, caplog, *jobs, says="(outcome unknown|delivered)")


async def test_unknown_outcomes_of_concurrent_requests_open_the_breaker(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [rig.music.lost_answer for _ in range(4)]
    jobs = [await asked_by_somebody_else(rig) for _ in range(4)]
    await rig.round()

    jobs.append(await asked_by_somebody_else(rig))
    await rig.round()

    assert 60.0 == await rig.wait_s(jobs[-1])
    assert 1 == len(rig.alerts)
    await assert_survived(rig, caplog, *jobs, says="(outcome unknown|queued)", posts=4)


# -- connections


@pytest.mark.documented
@pytest.mark.parametrize("closes", ["when it is idle", "when the next request comes"])
async def test_a_connection_closed_between_requests_leaves_no_unknown_outcome(
    closes: str, rig: Rig, caplog: pytest.LogCaptureFixture, loopback: Loopback
) -> None:
    await rig.credits.set_allowance(make.GUILD, 1_000, None, make.entry())
    if closes == "when it is idle":
        loopback.idles_s = 0.0
    else:
        loopback.answers_per_connection = 1
    jobs = []

    async with rig.process() as runner:
        for _ in range(8):
            jobs.append(await rig.ask())
            await rig.rest(rounds=12, runner=runner)

    assert {DONE} == {await rig.state(job) for job in jobs}
    posts = [number for number, method, _ in loopback.seen if method == "POST"]
    others = {number for number, method, _ in loopback.seen if method == "GET"}
    assert len(jobs) == len(set(posts) - others)
    await assert_survived(rig, caplog, *jobs, says="delivered")


@pytest.mark.documented
async def test_a_status_query_with_a_truncated_answer_is_repeated(
    rig: Rig, caplog: pytest.LogCaptureFixture, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CHECK_S", 0.15)
    job = await rig.ask()
    await rig.until(job, RUNNING)
    paid = json.dumps({"data": {"status": "success"}}).encode()
    names = ("reset in the answer", "an answer byte by byte", "an endless answer", "no HTTP")
    cut_off = says(wire(200, paid, Content_Length="1000"))
    loopback.on_poll = [*(AMBIGUOUS[name] for name in names), cut_off]

    await rig.until(job, DONE)

    assert [] == loopback.on_poll
    await assert_survived(rig, caplog, job, says=r"step postponed \(status query")
