"""Blocking work of one kind delays no other kind."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.database.sqlite import Database
from bot.model import JobId
from bot.music.spool import Spool
from bot.threads import NAMES, NameLookups, Threads, keep_names_apart

SILENT = "silent.example"
WITHIN_S = 20.0


class Resolver:
    """Looks up every name but ``SILENT``, whose servers answer when the test ends."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.full = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str, *_: object) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        if len(self.asked) == NAMES:
            self.full.set()
        if host.endswith(SILENT):
            self.released.wait(WITHIN_S)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", 443))]


@pytest.fixture
async def resolver() -> AsyncIterator[Resolver]:
    asked = Resolver()
    keep_names_apart(asyncio.get_running_loop(), NameLookups(asked))
    yield asked
    asked.released.set()


async def test_a_silent_resolver_delays_no_report_file_or_other_name(
    resolver: Resolver, tmp_path: Path
) -> None:
    loop, attachments, spool = asyncio.get_running_loop(), Threads("attachments", 1), Spool(tmp_path)
    waiting = [asyncio.create_task(loop.getaddrinfo(SILENT, 443)) for _ in range(100)]
    async with Database.open(tmp_path / "tunesmith.db") as database, asyncio.timeout(WITHIN_S):
        report = await database.report(lambda tx: tx.execute("SELECT 1").fetchone()[0])
        drawn = await attachments.run(str, 5)
        files = await spool.threads.run(spool.of_jobs, [JobId(1)])
        other = await loop.getaddrinfo("discord.example", 443)
        default = await loop.run_in_executor(None, str, 6)

    assert not resolver.released.is_set()
    assert (1, "5", [], "192.0.2.1", "6") == (report, drawn, files, other[0][4][0], default)
    resolver.released.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert {socket.gaierror} == {type(error) for error in errors}


async def test_a_name_occupies_one_thread_for_any_number_of_waiters(resolver: Resolver) -> None:
    loop = asyncio.get_running_loop()

    waiting = [asyncio.create_task(loop.getaddrinfo(SILENT, 443)) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    resolver.released.set()
    ends = await asyncio.gather(*waiting, return_exceptions=True)

    assert [SILENT] == resolver.asked
    assert [asyncio.CancelledError, *[socket.gaierror] * 49] == [type(end) for end in ends]


async def test_concurrent_lookups_of_names_are_bounded(resolver: Resolver) -> None:
    loop = asyncio.get_running_loop()

    waiting = [asyncio.create_task(loop.getaddrinfo(f"{n}.{SILENT}", 443)) for n in range(NAMES * 3)]
    await Threads("waiting", 1).run(resolver.full.wait, WITHIN_S)
    at_once = len(resolver.asked)
    resolver.released.set()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert NAMES == at_once
