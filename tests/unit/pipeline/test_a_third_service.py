"""The guide “A music service” in CONTRIBUTING.md, followed once for a service that does not exist."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

import httpx
import pytest

from bot.errors import TextTooLong
from bot.model import Backend, FailReason, JobState, SongRequest
from bot.music import backends, reading, wire
from bot.music.backends import Offer
from bot.music.contract import Capabilities, Contract
from bot.music.text_limits import Limits
from tests import make
from tests.doubles.in_process import AUDIO, MusicService
from tests.unit.pipeline.rig import Rig

SONG: Final = f"{AUDIO}/nightingale.mp3"


class Nightingale:
    """A service with one model and one take."""

    key_setting: Final = "NIGHTINGALE_API_KEY"
    url_setting: Final = "NIGHTINGALE_API_URL"
    capabilities: Final = Capabilities()
    models: Final[Mapping[str, Limits]] = {"N1": Limits(prompt=200)}
    retired_models: Final[frozenset[str]] = frozenset()
    usual_takes: Final = 1
    submits_max: Final = 2
    submits_window: Final = timedelta(seconds=1)
    submit_path: Final = "/songs"
    balance_path: Final[str | None] = None
    song_cost: Final[float | None] = 1.0

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def body(self, request: SongRequest) -> dict[str, object]:
        return {"voice": request.model, "words": request.prompt}

    def task_path(self, task_id: str) -> str:
        return f"/songs/{task_id}"

    def read_submitted(
        self,
        status: int,
        body: bytes,
        sent: Iterable[str],  # noqa: ARG002 - this service never echoes what it refuses
        retry_after_s: float | None,
    ) -> wire.Submitted:
        answer = reading.parse(body) or {}
        match status, answer.get("song"):
            case 201, str(song):
                return wire.Accepted(song)
            case 400, _:
                return wire.Rejected(FailReason.REFUSED)
            case 429, _:
                return wire.Busy("HTTP 429", retry_after_s)
            case _:
                return wire.Unknown(f"HTTP {status}")

    def read_checked(self, status: int, body: bytes, origin: str) -> wire.Checked | wire.Busy:
        answer = reading.parse(body)
        if status != 200 or answer is None:
            return wire.Busy(f"HTTP {status}")
        url = str(answer.get("file", ""))
        return wire.Done((url,)) if wire.is_usable(url, origin) else wire.Running("")

    def read_balance(self, body: bytes) -> float | None:  # noqa: ARG002 - the service reports none
        return None


class NightingaleDouble:
    """The service at the wire: a song is ready when it is asked for the second time."""

    def __init__(self, refusals: Iterable[int] = ()) -> None:
        self.bodies: list[object] = []
        self.polls = 0
        self._refusals = list(refusals)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.bodies.append(json.loads(request.content))
            if self._refusals:
                return _streamed(self._refusals.pop(0), {})
            return _streamed(201, {"song": "n-1"})
        self.polls += 1
        assert "/songs/n-1" == request.url.path
        return _streamed(200, {"file": SONG} if self.polls > 1 else {})


def _streamed(status: int, body: object) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(json.dumps(body).encode()))


@pytest.fixture
def nightingale(monkeypatch: pytest.MonkeyPatch, rig: Rig) -> Backend:
    """Add the member of ``Backend`` and the entry in ``OFFERS`` that an edit of the source would add."""
    member = str.__new__(Backend, "nightingale")
    member._name_, member._value_ = "NIGHTINGALE", "nightingale"
    monkeypatch.setitem(Backend._value2member_map_, "nightingale", member)
    offer = Offer(
        speaks=lambda _provider, _options: Nightingale(member),
        url="https://nightingale.example.com",
        models=("N1",),
        cheapest_model="N1",
        song_price="1 credit",
    )
    monkeypatch.setattr(backends, "OFFERS", {**backends.OFFERS, member: offer})
    rig.music_of[member] = MusicService()
    rig.switch(member, {member})
    return member


def test_a_class_in_one_module_fulfils_the_contract() -> None:
    contract: Contract = Nightingale(Backend.KIE)  # mypy compares the class with the protocol

    assert {"voice": "N1", "words": "Rain"} == contract.body(make.prompt("Rain", model="N1"))


async def test_a_third_service_makes_a_song(rig: Rig, nightingale: Backend) -> None:
    double = NightingaleDouble()
    rig.api_over = lambda: double.transport
    job = await rig.ask(make.prompt("Rain", model="N1"))

    await rig.until(job, JobState.DELIVERED)

    done = await rig.get(job)
    assert (nightingale, "n-1", (SONG,)) == (done.backend, done.task_id, done.urls)
    assert ([{"voice": "N1", "words": "Rain"}], 1) == (double.bodies, len(rig.chat.posts))
    assert {"hold": 1, "settle": 1} == await rig.books()


@pytest.mark.parametrize(("status", "reason"), [(400, FailReason.REFUSED), (500, FailReason.OUTCOME_UNKNOWN)])
async def test_its_refusals_meet_the_rules_of_money(
    rig: Rig,
    nightingale: Backend,
    status: int,
    reason: FailReason,
) -> None:
    double = NightingaleDouble([status])
    rig.api_over = lambda: double.transport
    job = await rig.ask(make.prompt("Rain", model="N1"))

    await rig.until(job, JobState.EXPLAINED)

    done = await rig.get(job)
    assert (nightingale, reason, 1) == (done.backend, done.reason, len(double.bodies))
    assert {"hold": 1, "release": 1} == await rig.books()


@pytest.mark.usefixtures("nightingale")
async def test_its_own_text_limits_hold(rig: Rig) -> None:
    await rig.ask(make.prompt("x" * 200, model="N1"))

    with pytest.raises(TextTooLong) as refused:
        await rig.ask(make.prompt("x" * 201, model="N1"))
    assert ("prompt", 201, 200) == (refused.value.field, refused.value.length, refused.value.limit)
