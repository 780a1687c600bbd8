"""The doubles of the music service keep the same books, however they are reached."""

import contextlib
import re

import httpx
import pytest

from bot.sandbox.faults import FaultKind, InjectedFault
from bot.sandbox.server import running
from tests.doubles.music import MUSIC_KEY, Given, MusicBooks, MusicService, QuickSandbox, answers

BODY: dict[str, object] = {"provider": "kie", "model": "V5", "prompt": "Song 1"}
HEADERS = {"Authorization": f"Bearer {MUSIC_KEY}"}


async def story(client: httpx.AsyncClient, base: str) -> None:
    """Send two paid requests, the first of which meets a fault, and query the second one's task."""
    with contextlib.suppress(httpx.TransportError):
        await client.post(f"{base}/v1/music/generations", json=BODY, headers=HEADERS)
    taken = await client.post(f"{base}/v1/music/generations", json=BODY, headers=HEADERS)
    await client.get(f"{base}/v1/tasks/{taken.json()['id']}", headers=HEADERS)


def summary(books: MusicBooks) -> tuple[list[Given], int, int, int, bool]:
    known = books.asked <= set(books.charged)
    return [paid.given for paid in books.paid], len(books.charged), books.posts, books.polls, known


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.BUSY, ([Given.BUSY, Given.TASK], 1, 2, 1, True)),
        (FaultKind.SERVER_ERROR, ([Given.ERROR, Given.TASK], 1, 2, 1, True)),
        (FaultKind.LOST_ANSWER, ([Given.LOST, Given.TASK], 2, 2, 1, True)),
    ],
)
async def test_the_books_are_the_same_in_process_and_on_a_socket(
    kind: FaultKind, expected: tuple[list[Given], int, int, int, bool]
) -> None:
    scripted = MusicService()
    meets = {
        FaultKind.BUSY: answers(429),
        FaultKind.SERVER_ERROR: answers(500),
        FaultKind.LOST_ANSWER: scripted.lost_answer,
    }
    scripted.on_post.append(meets[kind])
    async with httpx.AsyncClient(transport=scripted.transport) as client:
        await story(client, "https://music.example.com")
    sandbox = QuickSandbox(lambda: None)
    sandbox.faults.append(InjectedFault(kind))
    async with running(sandbox) as url, httpx.AsyncClient() as client:
        await story(client, url)

    assert expected == summary(scripted)
    assert expected == summary(sandbox)


REQUESTS: dict[str, tuple[str, str, dict[str, object] | None]] = {
    "a song": ("POST", "/v1/music/generations", BODY),
    "the free question": ("POST", "/v1/music/generations", {}),
    "an unknown model": ("POST", "/v1/music/generations", BODY | {"model": "V1"}),
    "an unknown field": ("POST", "/v1/music/generations", BODY | {"tempo": 120}),
    "a prompt that is too long": ("POST", "/v1/music/generations", BODY | {"prompt": "x" * 501}),
    "a refusal on order": ("POST", "/v1/music/generations", BODY | {"prompt": "[moderated]"}),
    "a failure on order": ("POST", "/v1/music/generations", BODY | {"prompt": "[server error]"}),
    "an unknown task": ("GET", "/v1/tasks/nobodys", None),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_one_request_has_one_answer_however_it_arrives(name: str) -> None:
    method, path, body = REQUESTS[name]
    scripted, sandbox = MusicService(), QuickSandbox(lambda: None)
    async with httpx.AsyncClient(transport=scripted.transport, headers=HEADERS) as client:
        in_process = await client.request(method, f"https://music.example.com{path}", json=body)
    async with running(sandbox) as url, httpx.AsyncClient(headers=HEADERS) as client:
        on_a_socket = await client.request(method, f"{url}{path}", json=body)

    assert on_a_socket.status_code == in_process.status_code
    assert without_ids(on_a_socket) == without_ids(in_process)
    assert summary(sandbox) == summary(scripted)
    assert sandbox.free_questions == scripted.free_questions


def without_ids(response: httpx.Response) -> object:
    """Return the answer with task ids replaced by a name."""
    text = response.text
    for task_id in re.findall(r'"id": "([^"]+)"', text):
        text = text.replace(task_id, "the task")
    return text


def test_a_task_is_charged_once() -> None:
    books = MusicBooks()
    books.note_charge(books.note_post("Song 1"), "a task")

    with pytest.raises(AssertionError):
        books.note_charge(books.note_post("Song 1"), "a task")
