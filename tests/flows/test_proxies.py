"""Proxies: DISCORD_PROXY for all Discord traffic, MUSIC_PROXY for the music service, and no others."""

from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.doubles.discord import Upload
from tests.doubles.music import MUSIC_KEY
from tests.doubles.proxy import ProxyServer
from tests.flows.process import PATIENCE_S, BotProcess, World

LOGIN = ("ada", "s3cr:et")


def written(proxy: ProxyServer) -> str:
    """Return the proxy's URL as an operator writes it."""
    return proxy.url.replace("s3cr:et", "s3cr%3Aet")


async def doctor(world: World, **settings: str) -> tuple[int, str]:
    """Run ``tunesmith doctor`` in this world. Return its exit status and output."""
    given = {
        "DISCORD_TOKEN": world.discord.token,
        "DISCORD_API_URL": world.discord.url,
        "MUSIC_API_KEY": MUSIC_KEY,
        "MUSIC_API_URL": world.music_url,
    }
    async with BotProcess.running(world.folder, ("bot", "doctor"), given | settings) as process:
        return await process.ended(PATIENCE_S), process.log


async def sing(world: World) -> None:
    """Make a song from a form with a file, using REST, gateway, an attachment, a paid request and audio."""
    channel, ada = world.room()
    form = await world.discord.slash("music custom", user=ada, channel=channel)
    words = {"title": "Neon Rain", "style": "choir", "lyrics_file": Upload("words.txt", b"la la")}
    await world.discord.submit(form, words)
    await world.next_post(channel)

    assert ["la la"] == [body["lyrics"] for body in world.bodies("Neon Rain")]


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_each_service_is_reached_through_its_own_proxy_only(tmp_path: Path, kind: str) -> None:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(World.open(tmp_path))
        to_discord = await stack.enter_async_context(ProxyServer.open(kind, LOGIN))
        to_music = await stack.enter_async_context(ProxyServer.open(kind, LOGIN))
        ports = f"{to_discord.port} {to_music.port}"
        settings = {"DISCORD_PROXY": written(to_discord), "MUSIC_PROXY": written(to_music)}
        async with world.bot(**settings, DIALLED_PORTS=ports) as bot:
            await sing(world)
            assert 0 == await bot.terminate(), bot.log

    assert {world.discord.port} == to_discord.ports
    assert {urlsplit(world.music_url).port} == to_music.ports
    assert 0 == to_discord.refused + to_music.refused
    assert "s3cr" not in bot.log


async def test_the_paid_request_does_not_use_the_proxy_to_discord(tmp_path: Path) -> None:
    async with ProxyServer.open("http") as proxy, World.open(tmp_path) as world:
        ports = f"{proxy.port} {urlsplit(world.music_url).port}"
        async with world.bot(DISCORD_PROXY=proxy.url, DIALLED_PORTS=ports):
            await sing(world)

    assert {world.discord.port} == proxy.ports


async def test_proxies_in_the_environment_are_ignored(tmp_path: Path) -> None:
    async with ProxyServer.open("http") as proxy, World.open(tmp_path) as world:
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        async with world.bot(**dict.fromkeys(names, proxy.url)):
            await sing(world)

    assert [] == proxy.targets


async def test_the_doctor_asks_through_the_proxies_and_names_them(tmp_path: Path) -> None:
    async with ProxyServer.open("socks5", LOGIN) as proxy, World.open(tmp_path) as world:
        good = {"DISCORD_PROXY": written(proxy), "MUSIC_PROXY": written(proxy)}
        wrong = {name: url.replace("s3cr", "wr0ng") for name, url in good.items()}
        passed, said = await doctor(world, **good, DIALLED_PORTS=str(proxy.port))
        failed, refused = await doctor(world, **wrong, DIALLED_PORTS=str(proxy.port))

    assert (0, 1) == (passed, failed), said
    assert "ok       music API: " in said
    assert "check DISCORD_PROXY, DISCORD_API_URL and the network" in refused
    assert "s3cr" not in said + refused
    assert "wr0ng" not in said + refused
