"""The sandbox's kie contract, tested with the bot's client."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.errors import Transient
from bot.model import ClosedCause, FailReason, TaskId
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.kie import Kie
from bot.music.tags import picture_type
from bot.sandbox import server
from bot.sandbox.faults import FaultKind, InjectedFault
from bot.sandbox.kie import KieSandbox
from bot.sandbox.server import running
from tests import make

KEY = "kie-key-123"


class Seconds:
    """A clock for the sandbox, set by the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def sandbox(seconds: Seconds, monkeypatch: pytest.MonkeyPatch) -> KieSandbox:
    monkeypatch.setattr(server, "song", lambda *args, **_: b"ID3" + repr(args).encode())
    return KieSandbox(key=KEY, delay_s=10.0, clock=seconds)


@pytest.fixture
async def url(sandbox: KieSandbox) -> AsyncIterator[str]:
    async with running(sandbox) as address:
        yield address


@pytest.fixture
async def music(url: str) -> AsyncIterator[MusicClient]:
    async with MusicClient.open(url=url, key=KEY, contract=Kie(), now=make.Clock()) as client:
        yield client


async def test_a_song_is_made_over_kies_contract(
    sandbox: KieSandbox, seconds: Seconds, music: MusicClient
) -> None:
    accepted = await music.submit(make.custom(model="V6"))

    assert isinstance(accepted, wire.Accepted)
    assert wire.NotFound() == await music.check(accepted.task_id)  # immediately after its creation
    assert wire.Running() == await music.check(accepted.task_id)
    seconds.now = 11.0
    await sandbox.composed()
    done = await music.check(accepted.task_id)
    assert isinstance(done, wire.Done)
    assert (2, 12.0) == (len(done.urls), done.cost_credits)
    assert [f"{accepted.task_id}-1", f"{accepted.task_id}-2"] == [take.upstream_id for take in done.details]
    assert not [address for address in done.urls if "stream" in address]


async def test_a_result_is_json_in_a_string_and_describes_each_take(
    sandbox: KieSandbox, seconds: Seconds, music: MusicClient, url: str
) -> None:
    accepted = await music.submit(make.custom(model="V6", title="Glass", style="polka"))
    assert isinstance(accepted, wire.Accepted)
    asked = f"{url}{Kie().task_path(accepted.task_id)}"

    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as plain:
        new = await plain.get(asked)
        seconds.now = 11.0
        await sandbox.composed()
        record = (await plain.get(asked)).json()["data"]
        takes = json.loads(record["resultJson"])["data"]
        pictures = [(await plain.get(take["image_url"])).content for take in takes]

    assert (200, 422, "recordInfo is null") == (new.status_code, new.json()["code"], new.json()["msg"])
    assert isinstance(record["resultJson"], str)
    assert [("Glass", "polka")] * 2 == [(take["title"], take["tags"]) for take in takes]
    assert all(isinstance(take["duration"], float) for take in takes)
    assert ({b"image/png"}, 2) == ({picture_type(picture) for picture in pictures}, len(set(pictures)))
    done = await music.check(accepted.task_id)
    assert isinstance(done, wire.Done)
    assert [(take["title"], take["image_url"], take["duration"]) for take in takes] == [
        (take.title, take.image_url, take.duration_s) for take in done.details
    ]


async def test_the_stream_of_a_song_is_empty(url: str, music: MusicClient) -> None:
    accepted = await music.submit(make.prompt(model="V6"))
    assert isinstance(accepted, wire.Accepted)

    async with httpx.AsyncClient() as plain:
        answer = await plain.get(f"{url}/stream/{accepted.task_id}-1")

    assert (200, b"") == (answer.status_code, answer.content)


async def test_the_balance_has_a_fraction_and_shrinks(music: MusicClient) -> None:
    before = await music.balance()
    await music.submit(make.prompt(model="V6"))

    assert (1_000.6, 988.6) == (before, await music.balance())


@pytest.mark.parametrize(
    ("words", "reason", "closed"),
    [
        ("[no credits]", FailReason.CLOSED, ClosedCause.NO_CREDITS),
        ("[unauthorized]", FailReason.CLOSED, ClosedCause.BAD_KEY),
        ("[moderated]", FailReason.MODERATED, None),
    ],
)
async def test_errors_have_http_status_200(
    words: str, reason: FailReason, closed: ClosedCause | None, sandbox: KieSandbox, music: MusicClient
) -> None:
    answer = await music.submit(make.prompt(words, model="V6"))

    assert isinstance(answer, wire.Rejected)
    assert (reason, closed, 0) == (answer.reason, answer.closed, sandbox.tasks_created)


@pytest.mark.parametrize("words", ["[server error]", "[lost answer]"])
async def test_an_empty_answer_leaves_the_outcome_open(words: str, music: MusicClient) -> None:
    assert isinstance(await music.submit(make.prompt(words, model="V6")), wire.Unknown)


@pytest.mark.parametrize("changes", [{"title": ""}, {"style": "x" * 1_001}, {"model": "V9"}])
async def test_requests_that_the_documentation_forbids_are_refused(
    changes: dict[str, str], sandbox: KieSandbox, music: MusicClient
) -> None:
    answer = await music.submit(make.custom(**{"model": "V6"} | changes))

    assert isinstance(answer, wire.Rejected)
    assert (FailReason.REFUSED, 0) == (answer.reason, sandbox.tasks_created)


@pytest.mark.parametrize(
    ("code", "reason", "closed"),
    [
        (433, FailReason.CLOSED, ClosedCause.NO_CREDITS),
        (404, FailReason.REFUSED, None),
        (501, FailReason.REFUSED, None),
        (531, FailReason.REFUSED, None),
    ],
)
async def test_a_prompt_can_order_a_code_in_the_body(
    code: int, reason: FailReason, closed: ClosedCause | None, sandbox: KieSandbox, music: MusicClient
) -> None:
    answer = await music.submit(make.prompt(f"rain [code {code}]", model="V6"))

    assert isinstance(answer, wire.Rejected)
    assert (reason, closed, 0) == (answer.reason, answer.closed, sandbox.tasks_created)


@pytest.mark.parametrize(("words", "confirmed"), [("[code 433]", True), ("[code 404]", False)])
async def test_only_a_closed_account_refuses_everything(
    words: str, confirmed: bool, music: MusicClient
) -> None:
    answer = await music.submit(make.prompt(words, model="V6"))
    assert isinstance(answer, wire.Rejected)

    assert confirmed is await music.confirms(answer)


async def test_a_failed_validation_has_code_500(url: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(headers=headers) as plain:
        body = Kie().body(make.prompt(model="V9"))
        answer = await plain.post(f"{url}{Kie.submit_path}", json=body)

    assert (200, 500) == (answer.status_code, answer.json()["code"])


async def test_addresses_are_replaced_after_success(
    sandbox: KieSandbox, seconds: Seconds, music: MusicClient
) -> None:
    accepted = await music.submit(make.prompt("rain [replaced address]", model="V6"))
    assert isinstance(accepted, wire.Accepted)
    await music.check(accepted.task_id)
    seconds.now = 11.0
    await sandbox.composed()

    statuses = []
    async with httpx.AsyncClient() as plain:
        for _ in range(2):
            done = await music.check(accepted.task_id)
            assert isinstance(done, wire.Done)
            statuses.append((await plain.get(done.urls[0])).status_code)

    assert [404, 200] == statuses


async def test_an_injected_fault_of_a_status_query_has_kies_form(
    sandbox: KieSandbox, music: MusicClient
) -> None:
    sandbox.faults = [InjectedFault(FaultKind.BUSY, on="poll")]

    with pytest.raises(Transient):
        await music.check(TaskId("281e"))
