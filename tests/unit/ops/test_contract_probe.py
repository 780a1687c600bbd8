"""``tunesmith probe`` against the sandbox of every service, on a socket."""

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
from typer.testing import CliRunner

from bot import cli
from bot.model import Backend
from bot.music.backends import contract
from bot.music.client import MusicClient
from bot.ops import contract_probe
from bot.ops.contract_probe import Recorder, Step, buy_song, check_for_free, document, replay
from bot.sandbox import server
from bot.sandbox.contracts import SANDBOXES
from bot.sandbox.server import running
from tests import make

KEY = "probe-key-123456"


async def _soon(_seconds: float) -> None:
    await asyncio.sleep(0.01)


async def _probed(backend: Backend, *, key: str = KEY, pay: bool = False) -> tuple[list[bool], int, Any]:
    """Return whether each answer was understood, the number of tasks, and the data to be saved."""
    sandbox = SANDBOXES[backend](KEY, 0.0)
    recorder = Recorder(httpx.AsyncHTTPTransport())
    async with (
        running(sandbox) as url,
        MusicClient.open(
            url=url,
            key=key,
            contract=contract(backend, provider="kie", options={}),
            now=make.Clock(),
            transport=recorder,
        ) as client,
    ):
        findings = await check_for_free(client, recorder)
        if pay:
            findings += await buy_song(client, recorder, sleep=_soon)
        saved = document(client.contract, client.origin, recorder.answers, secrets=[key])
    return [finding.understood for finding in findings], sandbox.tasks_created, saved


@pytest.fixture(autouse=True)
def _quick_songs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "song", lambda *_: b"ID3")


@pytest.mark.parametrize("backend", Backend)
async def test_the_free_checks_cost_nothing(backend: Backend) -> None:
    understood, tasks, _ = await _probed(backend)

    assert ({True}, 0) == (set(understood), tasks)


@pytest.mark.parametrize("backend", Backend)
async def test_a_paid_probe_buys_one_song_to_its_end(backend: Backend) -> None:
    understood, tasks, saved = await _probed(backend, pay=True)

    assert ({True}, 1) == (set(understood), tasks)
    assert "done, 2 takes" == saved["answers"][-1]["read_as"]


@pytest.mark.parametrize("backend", Backend)
async def test_a_wrong_key_is_reported_as_unexpected(backend: Backend) -> None:
    understood, _, _ = await _probed(backend, key="another-key-1234")

    assert {False} == set(understood)


@pytest.mark.parametrize("backend", Backend)
async def test_a_saved_file_reads_the_same(backend: Backend) -> None:
    _, _, saved = await _probed(backend, pay=True)

    pairs = replay(contract(backend, provider="kie", options={}), json.loads(json.dumps(saved)))

    assert [then for then, _ in pairs] == [now for _, now in pairs]
    assert 4 <= len(pairs)


@pytest.mark.parametrize("backend", Backend)
async def test_a_saved_file_has_no_key_and_no_words(backend: Backend) -> None:
    _, _, saved = await _probed(backend, pay=True)
    text = json.dumps(saved)

    assert [] == [secret for secret in (KEY, contract_probe.SONG_PROMPT) if secret in text]


def test_ids_and_words_are_replaced_wherever_they_appear() -> None:
    inner = json.dumps({"data": [{"id": "abc", "title": "My words", "audio_url": "https://a.b/u-77/x.mp3"}]})
    body = {"code": 200, "msg": f"{KEY} of me@example.com", "data": {"userId": 4711, "resultJson": inner}}
    answer = contract_probe.Answer(Step.STATUS, 200, bytearray(json.dumps(body).encode()))

    saved = document(contract(Backend.KIE, provider="", options={}), "https://a.b", [answer], secrets=[KEY])

    text = json.dumps(saved)
    assert [] == [word for word in (KEY, "example.com", "4711", "My words", "u-77", '"abc') if word in text]


PRIVATE = {"code": 200, "data": {"281e5b0f39b9": {"prompt": "My words", "taskId": "281e5b0f39b9"}}}
PLAIN = json.dumps(PRIVATE).encode()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (lambda: gzip.compress(PLAIN), "gzip"),
        (lambda: gzip.compress(PLAIN), ""),
        (lambda: brotli.compress(PLAIN), "br"),
        (lambda: b"\xef\xbb\xbf" + PLAIN, ""),
        (lambda: json.dumps(PRIVATE).encode("utf-16"), ""),
        (lambda: PLAIN[:-20], ""),
        (lambda: gzip.compress(b" " * 10**8), "gzip"),
    ],
    ids=["gzip", "gzip unsaid", "brotli", "byte order mark", "UTF-16", "cut off", "bomb"],
)
def test_no_form_of_an_answer_keeps_ids_or_words(body: Callable[[], bytes], encoding: str) -> None:
    answer = contract_probe.Answer(Step.STATUS, 200, bytearray(body()), encoding)

    text = json.dumps(
        document(contract(Backend.KIE, provider="", options={}), "https://a.b", [answer], secrets=[])
    )

    assert [] == [word for word in ("281e5b0f39b9", "My words") if word in text]
    assert len(text) < 1_000


def test_a_purchase_without_a_terminal_needs_consent(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.cli, ["probe", "--pay", "--save", str(tmp_path / "x.json")])

    assert (1, []) == (result.exit_code, list(tmp_path.iterdir()))
