import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.sandbox.faults import FaultKind, InjectedFault
from bot.sandbox.server import Sandbox, running
from tests.doubles.music.documented import CUSTOM, INSTRUMENTAL, NORMAL
from tests.unit.sandbox.listening import frames

Answer = dict[str, Any]

SONG = {"provider": "kie", "model": "V5", "prompt": "jazz", "instrumental": True}
WORDS = {"provider": "kie", "model": "V5", "customMode": True, "title": "A", "style": "jazz", "lyrics": "b"}


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Visitor:
    """A client of a running sandbox that controls its clock."""

    def __init__(self, sandbox: Sandbox, clock: Clock, url: str, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.clock, self.url, self.session = sandbox, clock, url, session

    async def post(self, body: object, key: str = "") -> tuple[int, Answer]:
        data = body if isinstance(body, str) else json.dumps(body)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        async with self.session.post(
            self.url + "/v1/music/generations", data=data, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    async def created(self, body: object) -> str:
        status, answer = await self.post(body)
        assert 200 == status, answer
        return str(answer["id"])

    async def poll(self, task: str) -> Answer:
        async with self.session.get(f"{self.url}/v1/tasks/{task}") as answer:
            assert 200 == answer.status
            data: Answer = (await answer.json())["data"]
            return data

    async def ended(self, task: str, after_s: float = 6.0) -> Answer:
        """Let the delay pass, wait for the composer, and return the task."""
        self.clock.now_s += after_s
        await self.sandbox.composed()
        return await self.poll(task)

    async def get(self, url: str) -> tuple[int, bytes]:
        async with self.session.get(url) as answer:
            return answer.status, await answer.read()


@pytest.fixture
def composes() -> None:
    """Let the sandbox compose its songs, as in normal use."""


@pytest.fixture(autouse=True)
def silent(request: pytest.FixtureRequest) -> None:
    """Skip composing except in tests that are about the music."""
    if "composes" not in request.fixturenames:
        request.getfixturevalue("tiny_songs")


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    async with running(sandbox) as url, aiohttp.ClientSession() as session:
        yield Visitor(sandbox, clock, url, session)


async def test_the_documented_requests_get_the_documented_answer(visitor: Visitor) -> None:
    answers = [await visitor.post(body) for body in (NORMAL, CUSTOM, INSTRUMENTAL)]

    tasks = list(visitor.sandbox.tasks)
    expected = [
        {
            "id": task,
            "object": "music.generation.task",
            "status": "pending",
            "data": {"id": task, "mediaType": "music", "status": "pending", "audioUrls": []},
        }
        for task in tasks
    ]
    assert answers == [(200, answer) for answer in expected]
    assert visitor.sandbox.requests == [json.loads(body) for body in (NORMAL, CUSTOM, INSTRUMENTAL)]


async def test_a_task_has_the_documented_shape(visitor: Visitor) -> None:
    task = await visitor.created(SONG)

    async with visitor.session.get(f"{visitor.url}/v1/tasks/{task}") as answer:
        body = await answer.json()
    expected = {
        "object": "task",
        "data": {
            "id": task,
            "mediaType": "music",
            "provider": "kie",
            "model": "V5",
            "prompt": "jazz",
            "status": "pending",
            "imageUrls": [],
            "videoUrls": [],
            "audioUrls": [],
            "errorMessage": None,
        },
    }
    assert expected == body


async def test_a_task_is_pending_then_processed_then_done(visitor: Visitor) -> None:
    task = await visitor.created(SONG)

    seen = []
    for now_s in (0.0, 1.4, 1.6, 5.9):
        visitor.clock.now_s = now_s
        seen.append((await visitor.poll(task))["status"])
    data = await visitor.ended(task, 0.2)
    assert ["pending", "pending", "processing", "processing"] == seen
    assert "success" == data["status"]
    assert [f"{visitor.url}/audio/{task}-{take}.mp3" for take in (1, 2)] == data["audioUrls"]


@pytest.mark.usefixtures("composes")
async def test_both_songs_of_a_task_play_and_differ(visitor: Visitor) -> None:
    data = await visitor.ended(await visitor.created(SONG))

    songs = [await visitor.get(url) for url in data["audioUrls"]]
    assert [200, 200] == [status for status, _ in songs]
    assert all(20 <= frames(song).duration_s <= 40 for _, song in songs)
    assert songs[0][1] != songs[1][1]


@pytest.mark.usefixtures("composes")
async def test_the_title_is_stored_in_the_mp3(visitor: Visitor) -> None:
    data = await visitor.ended(
        await visitor.created({**WORDS, "title": "Neon Rain", "style": "[one take] jazz"})
    )

    _, song = await visitor.get(data["audioUrls"][0])
    assert song.startswith(b"ID3")
    assert "Neon Rain".encode("utf-16") in song


async def test_urls_name_the_requested_host(visitor: Visitor) -> None:
    task = await visitor.created(SONG)
    await visitor.ended(task)

    async with visitor.session.get(
        f"{visitor.url}/v1/tasks/{task}", headers={"Host": "music.test:81"}
    ) as answer:
        urls = (await answer.json())["data"]["audioUrls"]
    assert f"http://music.test:81/audio/{task}-1.mp3" == urls[0]


async def test_a_song_is_unavailable_before_its_task_is_done(visitor: Visitor) -> None:
    task = await visitor.created(SONG)

    assert 404 == (await visitor.get(f"{visitor.url}/audio/{task}-1.mp3"))[0]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**SONG, "provider": ""}, "provider"),
        ({"model": "V5", "prompt": "jazz"}, "provider"),
        ({**SONG, "provider": "other"}, "provider"),
        ({"provider": "kie", "prompt": "jazz"}, "model"),
        ({**SONG, "model": "V1"}, "model"),
        ({"provider": "kie", "model": "V5"}, "prompt"),
        ({**SONG, "prompt": " "}, "prompt"),
        ({**SONG, "prompt": 5}, "prompt"),
        ({**SONG, "prompt": "x" * 501}, "prompt"),
        ({**WORDS, "title": ""}, "title"),
        ({**WORDS, "title": "x" * 81}, "title"),
        ({**WORDS, "style": ""}, "style"),
        ({**WORDS, "style": "x" * 1001}, "style"),
        ({**WORDS, "style": "x" * 201, "model": "V4"}, "style"),
        ({**WORDS, "lyrics": ""}, "lyrics"),
        ({**WORDS, "lyrics": "x" * 5001}, "lyrics"),
        ({**WORDS, "lyrics": None}, "lyrics"),
        ({**SONG, "instrumental": "yes"}, "instrumental"),
        ({**SONG, "customMode": 1}, "customMode"),
        ({**SONG, "options": []}, "options"),
        ({**SONG, "callBackUrl": "https://example.org"}, "callBackUrl"),
        ([SONG], "body"),
        ("{", "body"),
        ("\x00", "body"),
        ("[" * 60_000, "body"),
    ],
)
async def test_a_request_against_the_documentation_is_refused_by_field(
    visitor: Visitor, body: object, field: str
) -> None:
    status, answer = await visitor.post(body)

    assert (400, field) == (status, answer["error"]["param"])
    assert field in answer["error"]["message"]
    assert (0, 0) == (visitor.sandbox.tasks_created, visitor.sandbox.credits_charged)


async def test_limits_are_inclusive_and_instrumental_songs_need_no_lyrics(visitor: Visitor) -> None:
    longest = {**WORDS, "title": "x" * 80, "style": "[fail] ".ljust(1000), "lyrics": "x" * 5000}
    wordless = {**WORDS, "instrumental": True, "style": "[fail]", "options": {"vocalGender": "f"}}
    del wordless["lyrics"]

    assert 200 == (await visitor.post(longest))[0]
    assert 200 == (await visitor.post(wordless))[0]
    assert 200 == (await visitor.post({**SONG, "prompt": "[fail]".ljust(500, "x")}))[0]


async def test_a_key_is_required_if_one_is_set() -> None:
    sandbox = Sandbox(key="secret")
    async with running(sandbox) as url, aiohttp.ClientSession() as session:
        visitor = Visitor(sandbox, Clock(), url, session)

        answers = [await visitor.post({**SONG, "prompt": "[fail]"}, key) for key in ("", "wrong", "secret")]
        poll_status, _ = await visitor.get(f"{url}/v1/tasks/any")

    assert [401, 401, 200] == [status for status, _ in answers]
    assert "Invalid API key." == answers[0][1]["error"]["message"]
    assert 401 == poll_status


async def test_unknown_addresses_are_refused_in_json(visitor: Visitor) -> None:
    async with visitor.session.get(visitor.url + "/v1/credits") as answer:
        assert (404, "Not Found") == (answer.status, (await answer.json())["error"]["message"])
    async with visitor.session.get(visitor.url + "/v1/tasks/none") as answer:
        assert (404, "Task not found.") == (answer.status, (await answer.json())["error"]["message"])
    assert 413 == (await visitor.post({**WORDS, "lyrics": "x" * 70_000}))[0]


async def test_the_books_count_every_task_and_every_request(visitor: Visitor) -> None:
    await visitor.post({**SONG, "prompt": "[fail]"})
    await visitor.post({**SONG, "prompt": ""})

    _, books = await visitor.get(visitor.url + "/sandbox/books")
    expected = {
        "tasksCreated": 1,
        "creditsCharged": 10,
        "requests": [{**SONG, "prompt": "[fail]"}, {**SONG, "prompt": ""}],
    }
    assert expected == json.loads(books)


async def test_old_tasks_are_dropped_with_their_songs(visitor: Visitor) -> None:
    visitor.sandbox.tasks_max = 1
    old = await visitor.created(SONG)
    await visitor.ended(old)
    new = await visitor.created({**SONG, "prompt": "[fail]"})

    assert [new] == list(visitor.sandbox.tasks)
    assert 404 == (await visitor.get(f"{visitor.url}/v1/tasks/{old}"))[0]
    assert 404 == (await visitor.get(f"{visitor.url}/audio/{old}-1.mp3"))[0]


async def test_a_reopened_sandbox_finishes_its_tasks() -> None:
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    async with running(sandbox) as url, aiohttp.ClientSession() as session:
        task = await Visitor(sandbox, clock, url, session).created(SONG)
    async with running(sandbox) as url, aiohttp.ClientSession() as session:
        data = await Visitor(sandbox, clock, url, session).ended(task)

    assert ("success", 2) == (data["status"], len(data["audioUrls"]))


REFUSED = [
    (FaultKind.CLOSED, 404, "coming soon"),
    (FaultKind.NO_CREDITS, 402, "credits"),
    (FaultKind.UNAUTHORIZED, 401, "key"),
    (FaultKind.BUSY, 429, "again later"),
    (FaultKind.MODERATED, 400, "sensitive words"),
]


@pytest.mark.parametrize(("kind", "status", "reason"), REFUSED)
async def test_a_refusal_of_a_request_can_be_ordered(
    visitor: Visitor, kind: FaultKind, status: int, reason: str
) -> None:
    visitor.sandbox.faults.append(InjectedFault(kind, times=2))

    answers = [await visitor.post({**SONG, "prompt": "[fail]"}) for _ in range(3)]
    assert [status, status, 200] == [code for code, _ in answers]
    assert reason in answers[0][1]["error"]["message"]
    assert (1, []) == (visitor.sandbox.tasks_created, visitor.sandbox.faults)


@pytest.mark.parametrize(("kind", "status", "reason"), REFUSED)
async def test_a_request_can_order_its_refusal_in_its_own_words(
    visitor: Visitor, kind: FaultKind, status: int, reason: str
) -> None:
    code, answer = await visitor.post({**WORDS, "lyrics": f"la la [{kind.upper()}]"})

    assert status == code
    assert reason in answer["error"]["message"]
    assert 0 == visitor.sandbox.credits_charged


async def test_busy_states_a_wait_and_accepts_the_same_words_afterwards(visitor: Visitor) -> None:
    body = {**SONG, "prompt": "[busy] [fail]"}

    async with visitor.session.post(visitor.url + "/v1/music/generations", json=body) as answer:
        assert (429, "2") == (answer.status, answer.headers["Retry-After"])
    assert 200 == (await visitor.post(body))[0]


async def test_a_server_error_is_a_page_of_html(visitor: Visitor) -> None:
    body = {**SONG, "prompt": "[server error]"}

    async with visitor.session.post(visitor.url + "/v1/music/generations", json=body) as answer:
        assert (500, "text/html") == (answer.status, answer.content_type)
        assert (await answer.text()).startswith("<!DOCTYPE html>")


@pytest.mark.usefixtures("composes")
async def test_half_a_character_causes_no_error(visitor: Visitor) -> None:
    task = await visitor.created({**WORDS, "title": "\ud800", "style": "[one take] jazz"})

    assert "success" == (await visitor.ended(task))["status"]


async def test_a_lost_answer_leaves_a_task_that_was_charged(visitor: Visitor) -> None:
    with pytest.raises(aiohttp.ClientError):
        await visitor.post({**SONG, "prompt": "jazz [lost answer]"})

    assert (1, 10, 1) == (
        visitor.sandbox.tasks_created,
        visitor.sandbox.credits_charged,
        len(visitor.sandbox.tasks),
    )


async def test_a_task_can_fail_with_a_reason(visitor: Visitor) -> None:
    data = await visitor.ended(await visitor.created({**SONG, "prompt": "jazz [fail]"}))

    assert ("failed", []) == (data["status"], data["audioUrls"])
    assert "The music model could not make a song of this request." == data["errorMessage"]


async def test_a_task_can_be_canceled(visitor: Visitor) -> None:
    data = await visitor.ended(await visitor.created({**SONG, "prompt": "jazz [canceled]"}))

    assert ("canceled", None, []) == (data["status"], data["errorMessage"], data["audioUrls"])


async def test_a_slow_task_takes_ten_times_as_long(visitor: Visitor) -> None:
    task = await visitor.created({**SONG, "prompt": "jazz [slow]"})

    visitor.clock.now_s = 59.0
    assert "processing" == (await visitor.poll(task))["status"]
    assert "success" == (await visitor.ended(task, 1.0))["status"]


async def test_a_task_can_have_one_take(visitor: Visitor) -> None:
    data = await visitor.ended(await visitor.created({**SONG, "prompt": "jazz [one take]"}))

    assert 1 == len(data["audioUrls"])
    assert 404 == (await visitor.get(data["audioUrls"][0].replace("-1.mp3", "-2.mp3")))[0]


async def test_success_can_precede_its_urls(visitor: Visitor) -> None:
    task = await visitor.created({**SONG, "prompt": "jazz [empty success]"})

    seen = [await visitor.ended(task), await visitor.poll(task), await visitor.poll(task)]
    assert [
        ("success", 0),
        ("success", 0),
        ("success", 2),
    ] == [(data["status"], len(data["audioUrls"])) for data in seen]


async def test_a_first_download_can_be_empty(visitor: Visitor) -> None:
    data = await visitor.ended(await visitor.created({**SONG, "prompt": "jazz [empty audio]"}))

    answers = [await visitor.get(data["audioUrls"][0]) for _ in range(2)]
    assert [(200, True), (200, False)] == [(status, b"" == song) for status, song in answers]


async def test_faults_of_polls_and_downloads_can_be_ordered_too(visitor: Visitor) -> None:
    task = await visitor.created(SONG)
    data = await visitor.ended(task)
    visitor.sandbox.faults += [
        InjectedFault(FaultKind.BUSY, on="poll"),
        # Twice, since aiohttp silently repeats a GET whose connection breaks.
        InjectedFault(FaultKind.LOST_ANSWER, times=2, on="poll"),
        InjectedFault(FaultKind.EMPTY_AUDIO, on="audio"),
    ]

    assert 429 == (await visitor.get(f"{visitor.url}/v1/tasks/{task}"))[0]
    with pytest.raises(aiohttp.ClientError):
        await visitor.poll(task)
    assert "success" == (await visitor.poll(task))["status"]
    assert (200, b"") == await visitor.get(data["audioUrls"][0])
    assert 200 == (await visitor.post({**SONG, "prompt": "[fail]"}))[0]


def test_every_fault_has_its_own_word() -> None:
    words = {
        "closed",
        "no credits",
        "unauthorized",
        "busy",
        "moderated",
        "server error",
        "lost answer",
        "fail",
        "canceled",
        "slow",
        "one take",
        "empty success",
        "empty audio",
    }

    assert words == {kind.value for kind in FaultKind}
