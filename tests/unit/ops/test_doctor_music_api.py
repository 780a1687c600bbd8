"""The doctor's checks of the music API and of the clock."""

from datetime import timedelta

import httpx
import pytest

from bot.checks import Verdict
from bot.model import Backend
from bot.music.backends import OFFERS, contract
from bot.music.client import NO_TASK, MusicClient
from bot.music.kie import Kie
from bot.music.sseedance import Sseedance
from bot.ops.doctor.music_api import Clocks, check_clock, check_models, check_music_api
from tests import make

URL = "https://music.example.com"


def answer(status: int, text: str = "", **headers: str) -> httpx.Response:
    return httpx.Response(status, headers=headers, text=text)


ANSWERS = {
    "a task that is not there": (answer(404, '{"message": "task not found"}'), Verdict.OK, "accepts the key"),
    "a task without any data": (answer(200, '{"data": null}'), Verdict.OK, "accepts the key"),
    "a key that is refused": (answer(401, '{"message": "no key-12345"}'), Verdict.FAILURE, "MUSIC_API_KEY"),
    "a key that is forbidden": (answer(403, "{}"), Verdict.FAILURE, "MUSIC_API_KEY"),
    "a refusal under a good status": (answer(200, '{"code": 401}'), Verdict.FAILURE, "MUSIC_API_KEY"),
    "a page": (answer(404, "<html>nothing here</html>"), Verdict.WARNING, "not open there yet"),
    "trouble": (answer(502, "<html>bad gateway</html>"), Verdict.FAILURE, "HTTP 502"),
}


@pytest.mark.parametrize(("given", "verdict", "words"), ANSWERS.values(), ids=ANSWERS)
async def test_the_music_api_is_asked_about_an_impossible_task(
    given: httpx.Response, verdict: Verdict, words: str
) -> None:
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return httpx.Response(given.status_code, stream=httpx.ByteStream(given.content))

    async with client(httpx.MockTransport(answers)) as music:
        check, _ = await check_music_api(music, URL)

    assert (verdict, True) == (check.verdict, words in check.finding)
    assert [f"GET /v1/tasks/{NO_TASK}"] == asked
    assert "key-12345" not in check.finding


async def test_a_silent_music_api_is_a_failure_that_names_its_variable() -> None:
    def refuses(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with client(httpx.MockTransport(refuses)) as music:
        check, ahead = await check_music_api(music, URL)

    assert (Verdict.FAILURE, None) == (check.verdict, ahead)
    assert "MUSIC_API_URL" in check.finding


async def test_the_music_apis_clock_is_read_from_its_answer() -> None:
    def answers(_: httpx.Request) -> httpx.Response:
        headers = {"Date": "Sat, 14 Mar 2026 15:10:26 GMT"}
        return httpx.Response(404, headers=headers, stream=httpx.ByteStream(b"{}"))

    async with client(httpx.MockTransport(answers)) as music:
        _, ahead = await check_music_api(music, URL)

    assert timedelta(seconds=60) == ahead


def client(transport: httpx.MockTransport):  # type: ignore[no-untyped-def] # noqa: ANN201 - as open's
    return MusicClient.open(
        url=URL, key="key-12345", contract=Sseedance(), now=make.Clock(), transport=transport
    )


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (2, Verdict.OK, "agrees with Discord"),
        (30, Verdict.WARNING, "30 s behind Discord"),
        (-30, Verdict.WARNING, "30 s ahead of Discord"),
        (86_400, Verdict.FAILURE, "86,400 s behind Discord"),
    ],
)
def test_a_wrong_clock_is_reported(seconds: int, verdict: Verdict, words: str) -> None:
    found = check_clock({"Discord": timedelta(seconds=seconds)})

    assert (verdict, True) == (found.verdict, words in found.finding)


async def test_the_clock_check_believes_the_service_that_differs_most() -> None:
    clocks = Clocks(["Discord", "music"])

    clocks.report("Discord", timedelta(seconds=1))
    clocks.report("music", timedelta(hours=1))
    (found,) = await clocks.check()

    assert "3,600 s behind music" in found.finding


async def test_an_unverifiable_clock_is_a_warning() -> None:
    clocks = Clocks(["Discord"])

    clocks.report("Discord", None)
    (found,) = await clocks.check()

    assert Verdict.WARNING is found.verdict


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (["V6", "V6_MINI", "V6_WILD"], []),
        (["V6", "V5", "V3_5"], ["V5, V3_5: retired by kie"]),
        (["V66"], ["V66: not known to be offered by kie"]),
        (["V5", "V66"], ["V5: retired by kie", "V66: not known to be offered by kie"]),
    ],
)
def test_models_that_the_service_no_longer_sells_are_named(models: list[str], words: list[str]) -> None:
    found = check_models(Kie(), models)

    assert [(Verdict.WARNING, True)] * len(words) == [
        (check.verdict, check.finding.startswith(word)) for check, word in zip(found, words, strict=True)
    ]


@pytest.mark.parametrize("backend", Backend)
def test_models_on_offer_by_default_are_sold(backend: Backend) -> None:
    assert [] == check_models(contract(backend, provider="kie", options={}), OFFERS[backend].models)
