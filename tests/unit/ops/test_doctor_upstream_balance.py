"""The doctor's check of the balance at the music service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bot import doctor
from bot.checks import Check, Verdict
from bot.configuration.fields import Secret
from bot.database.sqlite import Database
from bot.model import Backend
from bot.music.client import MusicClient
from bot.music.kie import Kie
from bot.ops.doctor import upstream_balance as module
from bot.ops.doctor.upstream_balance import check_balance
from bot.settings import Settings
from bot.store import ledger, upstream
from bot.store.upstream import BalanceReading
from tests import make
from tests.doubles.music.kie import KieFront
from tests.unit.store.test_upstream import terms


def account(balance: float | None) -> KieFront:
    front = KieFront(httpx.MockTransport(lambda _: httpx.Response(404)))
    front.balance = balance
    return front


async def check(transport: httpx.AsyncBaseTransport, path: Path) -> Check:
    def opened() -> AbstractAsyncContextManager[MusicClient]:
        return MusicClient.open(
            url="https://kie.example.com",
            key="key-12345",
            contract=Kie(),
            now=make.Clock(),
            transport=transport,
        )

    (found,) = await check_balance(opened, path, terms())
    return found


@asynccontextmanager
async def bot_with_a_server(database: Database) -> AsyncIterator[Path]:
    await database.write(lambda tx: ledger.know_guild(tx, make.GUILD))
    yield database.path


@pytest.mark.parametrize(
    ("balance", "verdict", "words"),
    [
        (
            240,
            Verdict.OK,
            "240 credits, for 20 songs, read 0 s ago; members can still request 10 songs",
        ),
        (239, Verdict.WARNING, ". The balance at kie (239 credits) pays for only 19 songs; top it up"),
        (100, Verdict.WARNING, "pays for only 8 songs, but members can still request 10 songs; top it up"),
        (0, Verdict.WARNING, "at kie: 0 credits, for 0 songs"),
    ],
)
async def test_the_balance_is_compared_with_what_members_can_request(
    balance: float, verdict: Verdict, words: str, database: Database
) -> None:
    async with bot_with_a_server(database) as path:
        found = await check(account(balance), path)

    assert ("balance", verdict, True) == (found.name, found.verdict, words in found.finding)


async def test_a_hanging_service_is_a_timely_warning(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BALANCE_WITHIN_S", 0.01)

    async def hang(_: httpx.Request) -> httpx.Response:
        return await asyncio.Future()

    async with bot_with_a_server(database) as path:
        found = await check(httpx.MockTransport(hang), path)

    assert (Verdict.WARNING, True) == (found.verdict, "(no answer within 0 s)" in found.finding)


async def test_an_unreadable_balance_is_shown_as_last_known(database: Database) -> None:
    earlier = BalanceReading(credits=987.6, at=datetime.now(UTC) - timedelta(days=3))
    async with bot_with_a_server(database) as path:
        unknown = await check(account(None), path)
        await database.write(lambda tx: upstream.record(tx, Backend.KIE, earlier, ()))
        found = await check(httpx.MockTransport(refuse), path)

    assert [Verdict.WARNING] * 2 == [unknown.verdict, found.verdict]
    assert "can't be read now (no balance in the answer); last known at kie: not read yet" in unknown.finding
    assert "(balance query: ConnectError); last known at kie: 987.6 credits" in found.finding
    assert "read 3 days ago" in found.finding


def refuse(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def test_the_doctor_only_asks_a_service_that_reports_a_balance(tmp_path: Path) -> None:
    names = {}
    for backend in Backend:
        settings = Settings(
            discord_token="a-token",  # type: ignore[arg-type]
            music_api_key="a-key",  # type: ignore[call-arg]
            kie_api_key="a-key",
            music_backend=backend,
            database_url=Secret(f"sqlite:///{tmp_path / 'nothing.db'}"),
        )
        names[backend] = [spec.name for spec in doctor.check_specs(settings)]

    assert [["token", "music API", "balance"], ["token", "music API", "sqlite"]] == [
        names[backend][:3] for backend in (Backend.KIE, Backend.SSEEDANCE)
    ]


@pytest.mark.parametrize(
    ("balance", "verdict", "words"),
    [
        (987.6, Verdict.OK, "at kie: 987.6 credits, for 82 songs; not compared"),
        (12, Verdict.WARNING, "at kie: 12 credits, for 1 song; top it up"),
        (None, Verdict.WARNING, "can't be read now (no balance in the answer)"),
    ],
)
async def test_before_the_first_start_only_the_balance_is_checked(
    balance: float | None, verdict: Verdict, words: str, tmp_path: Path
) -> None:
    found = await check(account(balance), tmp_path / "nothing.db")

    assert (verdict, True) == (found.verdict, words in found.finding)
