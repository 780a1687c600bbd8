"""The guide “A music service” in CONTRIBUTING.md, followed for a fictitious service."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import httpx
import pytest

from bot.model import Backend, FailReason, JobState
from bot.music import backends, contract
from bot.refusals import TextTooLong
from tests import make
from tests.doubles.in_process import AUDIO, MusicService
from tests.unit.pipeline.rig import Rig

SONG: Final = f"{AUDIO}/nightingale.mp3"


BOT: Final = Path(backends.__file__).parents[1]
MODULE: Final = Path(__file__).with_name("nightingale.py")
LAST_LINE: Final = '    KIE = "kie"\n'
"""The last line of ``Backend``."""
SHOWN: Final = """
import json, os
from bot import settings, setup
from bot.errors import StartRefused
from bot.model import Backend
from bot.music import backends

loaded = settings.load()
can = backends.plain_contract(loaded.music_backend).capabilities
del os.environ["NIGHTINGALE_API_KEY"]
try:
    settings.load()
except StartRefused as refused:
    sentence = str(refused).partition(";")[0]
print(json.dumps({
    "models": loaded.music_models,
    "url": loaded.music_url(loaded.music_backend),
    "keys": list(loaded.music_keys),
    "secret": "n-key-123" in loaded.secrets,
    "length": backends.limits_of("N1").prompt,
    "capabilities": [can.avoid, can.voice, can.duration],
    "init": list(setup.SERVICES),
    "without": sentence,
}))
"""


class NightingaleDouble:
    """The service at the wire: a song is ready at the second query."""

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
    """Add the line to ``Backend``, and the module, as an edit of the source would."""
    member = str.__new__(Backend, "nightingale")
    member._name_, member._value_ = "NIGHTINGALE", "nightingale"
    monkeypatch.setitem(Backend._value2member_map_, "nightingale", member)
    spec = importlib.util.spec_from_file_location("bot.music.nightingale", MODULE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(backends, "OFFERS", {**backends.OFFERS, member: contract.described(member)})
    rig.music_of[member] = MusicService()
    rig.switch(member, {member})
    return member


def test_a_service_needs_only_one_line_and_one_module(tmp_path: Path) -> None:
    shutil.copytree(BOT, tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(MODULE, tmp_path / "bot/music/nightingale.py")
    registry = tmp_path / "bot/model.py"
    lines = registry.read_text("utf-8")
    registry.write_text(lines.replace(LAST_LINE, LAST_LINE + '    NIGHTINGALE = "nightingale"\n'), "utf-8")
    asked = {"DISCORD_TOKEN": "t", "MUSIC_BACKEND": "nightingale", "NIGHTINGALE_API_KEY": "n-key-123"}

    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", SHOWN], cwd=tmp_path, env=asked, capture_output=True, text=True, check=False
    )

    assert 1 == lines.count(LAST_LINE)
    assert ("", 0) == (ran.stderr, ran.returncode)
    assert {
        "models": ["N1"],
        "url": "https://nightingale.example.com",
        "keys": ["nightingale"],
        "secret": True,
        "length": 200,
        "capabilities": [False, False, False],
        "init": ["kie", "nightingale", "sseedance"],
        "without": "NIGHTINGALE_API_KEY is missing",
    } == json.loads(ran.stdout)


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
async def test_a_third_services_refusals_follow_the_rules_for_credits(
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
async def test_a_third_services_text_limits_apply(rig: Rig) -> None:
    await rig.ask(make.prompt("x" * 200, model="N1"))

    with pytest.raises(TextTooLong) as refused:
        await rig.ask(make.prompt("x" * 201, model="N1"))
    assert ("prompt", 201, 200) == (refused.value.field, refused.value.length, refused.value.limit)
