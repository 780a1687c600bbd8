"""Queries sent directly to the service, on a socket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.errors import Transient
from bot.model import TaskId
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.queries import ANSWER_MAX_BYTES
from bot.music.sseedance import Sseedance
from tests.make import NOW

TASK = TaskId("a-1")
KEY = "sk-live-0123456789abcdef"


@asynccontextmanager
async def connected(
    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> AsyncIterator[MusicClient]:
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with MusicClient.open(url=url, key=KEY, contract=Sseedance(), now=lambda: NOW) as client:
            yield client
    finally:
        await runner.cleanup()


async def test_queries_share_a_connection_and_send_the_key() -> None:
    seen = []

    async def answer(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        seen.append((request.transport.get_extra_info("peername"), request.headers["Authorization"]))
        return web.json_response({"code": 200, "data": {"taskId": "a-1", "status": "processing"}})

    async with connected(answer) as client:
        found = [await client.check(TASK) for _ in range(3)]

    assert [wire.Running] * 3 == [type(each) for each in found]
    assert [(seen[0][0], f"Bearer {KEY}")] * 3 == seen


async def test_a_query_follows_no_redirect() -> None:
    paths = []

    async def answer(request: web.BaseRequest) -> web.Response:
        paths.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with connected(answer) as client:
        with pytest.raises(Transient):
            await client.check(TASK)

    assert 1 == len(paths)


async def test_a_query_reads_no_more_than_the_maximum_answer() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=b" " * (ANSWER_MAX_BYTES + 1))

    async with connected(answer) as client:
        with pytest.raises(Transient, match="TooLarge"):
            await client.check(TASK)


async def test_a_query_whose_connection_breaks_is_repeated_later() -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with connected(answer) as client:
        with pytest.raises(Transient, match="status query"):
            await client.check(TASK)


@pytest.mark.parametrize("task", ["a b/c?d=é", "..%2f", "a%20b"])
async def test_a_query_names_the_task_by_its_exact_id(task: str) -> None:
    asked = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        return web.json_response({"code": 200, "data": {"taskId": task, "status": "processing"}})

    async with connected(answer) as client:
        await client.check(TaskId(task))

    assert asked[0].endswith(f"/{task}")
