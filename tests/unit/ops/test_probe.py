"""The output and the exit status of the image's health check."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
from aiohttp import web

from bot.ops import probe
from bot.ops.health import serving
from bot.settings import Settings

Said = tuple[int, str]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder without a .env file, and unset HTTP_LISTEN."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HTTP_LISTEN", raising=False)
    return tmp_path


class Page:
    """The response of /healthz, set by the test."""

    status = 200
    text = "ok\n"


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
async def port(page: Page) -> AsyncIterator[int]:
    """Serve the page. Yield its port."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(status=page.status, text=page.text)

    def pages() -> web.Application:
        made = web.Application()
        made.add_routes([web.get("/healthz", healthz)])
        return made

    async with serving(("127.0.0.1", 0), pages) as address:
        assert address is not None
        yield int(address.rpartition(":")[2])


async def asked(capsys: pytest.CaptureFixture[str]) -> Said:
    return await asyncio.to_thread(probe.main), capsys.readouterr().out


async def test_a_healthy_bot_is_reported_with_0(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTP_LISTEN", f"127.0.0.1:{port}")

    assert (0, "ok\n") == await asked(capsys)


async def test_an_unhealthy_bot_is_reported_with_1_and_its_reason(
    page: Page, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page.status, page.text = 503, "not connected to Discord\n"
    monkeypatch.setenv("HTTP_LISTEN", f"127.0.0.1:{port}")

    assert (1, "not connected to Discord\n") == await asked(capsys)


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost"])  # noqa: S104 - an address to query, not to listen on
async def test_a_bot_that_listens_everywhere_is_queried_locally(
    host: str, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTP_LISTEN", f"{host}:{port}")

    assert (0, "ok\n") == await asked(capsys)


async def test_the_address_is_read_from_the_file_without_an_environment(
    port: int, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / ".env").write_text(f"DISCORD_TOKEN=x\nHTTP_LISTEN=127.0.0.1:{port}\n", "utf-8")

    assert (0, "ok\n") == await asked(capsys)


async def test_the_environments_address_overrides_the_files(
    port: int, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / ".env").write_text(f"HTTP_LISTEN=127.0.0.1:{port}\n", "utf-8")
    monkeypatch.setenv("HTTP_LISTEN", "")

    assert (0, "HTTP_LISTEN is empty: nothing to query\n") == await asked(capsys)


async def test_an_unreachable_bot_is_reported_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HTTP_LISTEN", listen)
    status, said = await asked(capsys)

    assert 1 == status
    assert said.startswith(f"no answer on {listen}: ")


async def test_a_server_with_another_protocol_is_reported_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        monkeypatch.setenv("HTTP_LISTEN", f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        status, said = await asked(capsys)

    assert 1 == status
    assert said.startswith("no answer on 127.0.0.1:")


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "nonsense", "127.0.0.1:99999"])
async def test_an_unusable_address_is_reported_with_1(
    listen: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTP_LISTEN", listen)

    assert 1 == (await asked(capsys))[0]


def test_without_a_setting_it_asks_the_bots_default_address(elsewhere: Path) -> None:
    assert attrs.fields_dict(Settings)["http_listen"].default == probe._listen(elsewhere / ".env")
