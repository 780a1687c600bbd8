"""The health report: when the bot counts as healthy, and its problems otherwise."""

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import datetime

import aiohttp
import pytest
from aiohttp import web

from bot.database.facts import fact
from bot.database.sqlite import Database
from bot.errors import StartRefused
from bot.model import Backend
from bot.ops import health
from bot.ops.health import Health, application, serving
from bot.ops.metrics import Metrics
from tests import make


class Bot:
    """The state that a health server reports, set by the test."""

    last_round_at: datetime | None

    def __init__(self, database: Database, clock: make.Clock) -> None:
        self.clock = clock
        self.cut_off: str | None = None
        self.last_round_at = clock()
        self.stopping = False
        self.clock_problem: str | None = None
        self.storage_problem: str | None = None
        self.health = Health(
            database=database,
            gateway=lambda: self.cut_off,
            latencies_s=lambda: {0: 0.05},
            last_round_at=lambda: self.last_round_at,
            stopping=lambda: self.stopping,
            storage=self.find_storage_problem,
            clock=lambda: self.clock_problem,
            now=clock,
        )

    async def find_storage_problem(self) -> str | None:
        return self.storage_problem


def made(bot: Bot, metrics: Metrics, database: Database) -> web.Application:
    return application(bot.health, metrics, database, Backend.SSEEDANCE)


@pytest.fixture
def bot(database: Database, clock: make.Clock) -> Bot:
    return Bot(database, clock)


@asynccontextmanager
async def pages(bot: Bot, database: Database) -> AsyncIterator[aiohttp.ClientSession]:
    """Run the health server of this bot. Yield a client of it."""
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        address = await stack.enter_async_context(
            serving(("127.0.0.1", 0), lambda: made(bot, metrics, database))
        )
        yield await stack.enter_async_context(aiohttp.ClientSession(f"http://{address}"))


async def test_a_bot_without_problems_is_healthy(bot: Bot) -> None:
    assert () == await bot.health.problems()


async def test_a_bot_without_news_from_discord_is_unhealthy(bot: Bot) -> None:
    bot.cut_off = "not connected to Discord"

    assert ("not connected to Discord",) == await bot.health.problems()


async def test_a_bot_that_cannot_store_songs_is_unhealthy(bot: Bot) -> None:
    bot.storage_problem = "SPOOL_DIR: /spool has 3 MiB left; free some space"

    assert (bot.storage_problem,) == await bot.health.problems()


async def test_a_bot_on_a_machine_with_a_wrong_clock_is_unhealthy(bot: Bot) -> None:
    bot.clock_problem = "this machine's clock is 7,200 s behind Discord's; set it"

    assert (bot.clock_problem,) == await bot.health.problems()


async def test_a_bot_whose_runner_has_not_begun_is_unhealthy(bot: Bot) -> None:
    bot.last_round_at = None

    assert ("the job runner has not completed a round yet",) == await bot.health.problems()


@pytest.mark.parametrize(
    ("seconds", "said"), [(30, ()), (60, ()), (61, ("the job runner has not completed a round for 61 s",))]
)
async def test_a_runner_may_sleep_but_not_stall(bot: Bot, seconds: int, said: tuple[str, ...]) -> None:
    bot.clock.forward(seconds=seconds)

    assert said == await bot.health.problems()


async def test_a_locked_database_is_unhealthy_until_it_is_released(
    bot: Bot, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.database.sqlite.GIVE_UP_AFTER_S", 0.5)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (said,) = await bot.health.problems()
        other.execute("ROLLBACK")
    bot.clock.forward(seconds=health.PROBE_EVERY_S)

    assert said.startswith("the database can't be written to: ")
    assert () == await bot.health.problems()


async def test_a_full_disk_is_unhealthy_until_there_is_room(bot: Bot) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # writes then fail as on a full disk
    try:
        (said,) = await bot.health.problems()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    bot.clock.forward(seconds=health.PROBE_EVERY_S)

    assert said.startswith("the database can't be written to: ")
    assert () == await bot.health.problems()


async def test_a_database_that_lost_its_tables_is_reported_in_one_line(bot: Bot, database: Database) -> None:
    await database.write(lambda tx: tx.execute("DROP TABLE fact"))

    assert ("database error: no such table: fact",) == await bot.health.problems()


async def test_a_hanging_database_is_not_waited_for(
    bot: Bot, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PROBE_S", 0.05)
    monkeypatch.setattr(database, "write", lambda _: asyncio.Event().wait())

    assert ("the database does not respond",) == await bot.health.problems()


async def test_repeated_requests_do_not_wear_out_the_disk(bot: Bot, database: Database) -> None:
    async def probed_at() -> str | None:
        return await database.read(lambda tx: fact(tx, health.PROBE_FACT))

    await asyncio.gather(*(bot.health.problems() for _ in range(20)))
    first = await probed_at()
    bot.clock.forward(seconds=health.PROBE_EVERY_S / 2)
    await bot.health.problems()
    soon = await probed_at()
    bot.clock.forward(seconds=health.PROBE_EVERY_S)
    await bot.health.problems()

    assert first is not None
    assert first == soon
    assert first != await probed_at()


async def test_the_page_is_200_and_ok_while_the_bot_is_healthy(bot: Bot, database: Database) -> None:
    async with pages(bot, database) as client, client.get("/healthz") as answer:
        text = await answer.text()

    assert (200, "ok\n", "text/plain") == (answer.status, text, answer.content_type)
    assert "no-store" == answer.headers["Cache-Control"]


async def test_the_page_is_503_with_every_reason_in_one_line(bot: Bot, database: Database) -> None:
    bot.cut_off, bot.last_round_at = "not connected\nto Discord", None
    async with pages(bot, database) as client, client.get("/healthz") as answer:
        text = await answer.text()

    assert 503 == answer.status
    assert "not connected to Discord; the job runner has not completed a round yet\n" == text


async def test_a_stopping_bot_reports_that_and_nothing_else(bot: Bot, database: Database) -> None:
    bot.stopping, bot.cut_off = True, "not connected to Discord"
    async with pages(bot, database) as client, client.get("/healthz") as answer:
        text = await answer.text()

    assert (503, "stopping\n") == (answer.status, text)


async def test_metrics_are_served_even_while_the_bot_is_unhealthy(bot: Bot, database: Database) -> None:
    bot.cut_off = "not connected to Discord"
    async with pages(bot, database) as client, client.get("/metrics") as answer:
        text = await answer.text()

    assert 200 == answer.status
    assert "tunesmith_healthy 0.0\n" in text
    assert "tunesmith_gateway_connected 0.0\n" in text
    assert 'tunesmith_gateway_latency_seconds{shard="0"} 0.05\n' in text
    assert 'tunesmith_jobs{state="queued"} 0.0\n' in text


async def test_metrics_that_cannot_be_read_are_left_out(bot: Bot, database: Database) -> None:
    await database.write(lambda tx: tx.execute("DROP TABLE breaker"))
    async with pages(bot, database) as client, client.get("/metrics") as answer:
        text = await answer.text()

    assert 200 == answer.status
    assert "tunesmith_database_readable 0.0\n" in text
    assert "tunesmith_jobs{" not in text


@pytest.mark.parametrize(
    ("method", "path", "status"), [("HEAD", "/healthz", 200), ("POST", "/healthz", 405), ("GET", "/", 404)]
)
async def test_nothing_else_is_served(
    bot: Bot, database: Database, method: str, path: str, status: int
) -> None:
    async with pages(bot, database) as client, client.request(method, path) as answer:
        assert status == answer.status


async def test_monitors_may_ask_in_any_form_and_concurrently(bot: Bot, database: Database) -> None:
    accepts = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}

    async with pages(bot, database) as client:
        head = await client.head("/healthz")
        scrapes = await asyncio.gather(*(client.get("/metrics", headers=accepts) for _ in range(10)))
        texts = [await scrape.text() for scrape in scrapes]

    assert (200, b"") == (head.status, await head.read())
    assert {(200, "application/openmetrics-text")} == {(one.status, one.content_type) for one in scrapes}
    assert [True] * 10 == [text.endswith("# EOF\n") for text in texts]


async def test_without_an_address_no_server_runs() -> None:
    async with serving(None, lambda: pytest.fail("made")) as address:
        assert address is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_port_0_picks_a_free_port_and_reports_it(bot: Bot, database: Database, host: str) -> None:
    metrics = Metrics()
    async with (
        serving((host, 0), lambda: made(bot, metrics, database)) as address,
        aiohttp.ClientSession() as client,
        client.get(f"http://{address}/healthz") as answer,
    ):
        assert 200 == answer.status


async def test_a_port_that_is_taken_stops_the_start_with_one_sentence(bot: Bot, database: Database) -> None:
    metrics = Metrics()
    async with serving(("127.0.0.1", 0), lambda: made(bot, metrics, database)) as address:
        assert address is not None
        taken = int(address.rpartition(":")[2])
        with pytest.raises(StartRefused) as refused:
            async with serving(("127.0.0.1", taken), lambda: made(bot, metrics, database)):
                pass

    assert (
        f"HTTP_LISTEN: can't listen on 127.0.0.1:{taken} (Address already in use); choose another port, "
        "or leave it empty for no server."
    ) == str(refused.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "a" * 63 + "." + "b" * 64])
async def test_an_address_not_of_this_machine_stops_the_start(
    bot: Bot, database: Database, host: str
) -> None:
    metrics = Metrics()
    with pytest.raises(StartRefused, match=r"^HTTP_LISTEN: can't listen on \S+:8080 \([^()]+\); .+\.$"):
        async with serving((host, 8080), lambda: made(bot, metrics, database)):
            pass


async def test_a_client_that_stays_connected_does_not_delay_the_shutdown(
    bot: Bot, database: Database
) -> None:
    metrics = Metrics()
    async with asyncio.timeout(5.0), aiohttp.ClientSession() as client:
        async with (
            serving(("127.0.0.1", 0), lambda: made(bot, metrics, database)) as address,
            client.get(f"http://{address}/healthz") as answer,
        ):
            await answer.read()
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(f"http://{address}/healthz")


async def test_idle_connections_are_bounded_and_the_oldest_is_closed(bot: Bot, database: Database) -> None:
    metrics = Metrics()
    async with serving(("127.0.0.1", 0), lambda: made(bot, metrics, database)) as address:
        assert address is not None
        port = int(address.rpartition(":")[2])
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(health.CONNECTIONS_MAX + 3)]
        async with aiohttp.ClientSession() as client, client.get(f"http://{address}/healthz") as answer:
            assert 200 == answer.status
        async with asyncio.timeout(5.0):
            assert [b""] * 4 == [await reader.read() for reader, _ in idle[:4]]
        assert not idle[-1][0].at_eof()
        for _, writer in idle:
            writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nX-Slow: "])
async def test_a_connection_without_a_request_is_closed(
    sent: bytes, bot: Bot, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CONNECTION_S", 0.05)
    metrics = Metrics()
    async with serving(("127.0.0.1", 0), lambda: made(bot, metrics, database)) as address:
        assert address is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(sent)
        async with asyncio.timeout(5.0):
            assert b"" == await reader.read()
        writer.close()
