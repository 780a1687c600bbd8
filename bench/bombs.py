"""What hostile answers cost in memory: ``python -m bench.bombs``.

A server on this machine sends an 80 MB JSON answer, a gzip bomb and an endless body, one after the
other, to the real clients in a process of its own. The floor is the same process after one ordinary
answer. Figures are the kernel's own (``VmHWM``), so Linux only.
"""

import asyncio
import gzip
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from bench.delivery import MIB, peak_mib, reset_peak
from bot.errors import Transient
from bot.model import SongRequest
from bot.music.client import MusicClient
from bot.music.downloads import AudioSource
from bot.music.spool import NoAudio, Spool
from bot.music.sseedance import Sseedance

LIMIT_MIB = 20.0
CHUNK = b"ID3" + bytes(64 * 1024 - 3)
ENDLESS_CHUNKS = 8 * 1024
"""512 MiB: endless enough for a client that stops at 40."""


async def ordinary(_: web.Request) -> web.Response:
    """An answer as it should be."""
    return web.json_response({"data": {"id": "1", "status": "pending"}})


async def large_json(request: web.Request) -> web.StreamResponse:
    """80 MB of it."""
    return await streamed(request, b'{"data": {"id": "' + bytes(64 * 1024).replace(b"\0", b"1"), 1_280)


async def endless(request: web.Request) -> web.StreamResponse:
    """Audio that never ends."""
    return await streamed(request, CHUNK, ENDLESS_CHUNKS)


async def bomb(_: web.Request) -> web.Response:
    """A megabyte that unpacks to a gigabyte."""
    return web.Response(body=BOMB, headers={"Content-Encoding": "gzip", "Content-Type": "audio/mpeg"})


async def streamed(request: web.Request, chunk: bytes, count: int) -> web.StreamResponse:
    """Repeat the same chunk a given number of times, until nobody reads."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(count):
        try:
            await response.write(chunk)
        except ConnectionError:
            break  # the client has had enough, which is the point
    return response


BOMB = gzip.compress(bytes(1024 * MIB), 9) if "serve" in sys.argv else b""


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """The hostile server in a process of its own, so that its memory is not the clients'."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.bombs", "serve"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def serve() -> None:
    """Answer hostile, until killed."""
    application = web.Application()
    for path, answer in (("ordinary", ordinary), ("json", large_json), ("bomb", bomb)):
        application.router.add_get(f"/v1/tasks/{path}", answer)
    application.router.add_get("/endless.mp3", endless)
    application.router.add_get("/bomb.mp3", bomb)
    application.router.add_post("/v1/music/generations", large_json)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


async def measure() -> bool:
    """Print what each answer costs. Returns whether all stay below the limit."""
    async with (
        served() as url,
        MusicClient.open(url=url, key="key", contract=Sseedance(), now=lambda: datetime.now(UTC)) as music,
        AudioSource.open(origin=music.origin) as audio,
    ):
        with tempfile.TemporaryDirectory() as folder:
            spool = Spool(Path(folder))
            await music.check("ordinary")
            attempts: dict[str, Callable[[], Awaitable[object]]] = {
                "status query: 80 MB of JSON": lambda: music.check("json"),
                "status query: a gzip bomb": lambda: music.check("bomb"),
                "paid request: 80 MB of JSON": lambda: music.submit(SongRequest(model="V5", prompt="x")),
                "audio: a gzip bomb": lambda: audio.fetch(f"{url}/bomb.mp3", spool, "bomb"),
                "audio: an endless body": lambda: audio.fetch(f"{url}/endless.mp3", spool, "endless"),
            }
            worst = 0.0
            for name, attempt in attempts.items():
                reset_peak("self")
                before = peak_mib("self")
                try:
                    outcome = type(await attempt()).__name__
                except (Transient, NoAudio) as refused:
                    outcome = f"{type(refused).__name__}: {refused}"
                cost = peak_mib("self") - before
                worst = max(worst, cost)
                print(f"{cost:6.2f} MiB above {before:.1f}  {name}  ({outcome})")
    print(f"the most: {worst:.2f} MiB; the limit: {LIMIT_MIB:.0f} MiB")
    return worst < LIMIT_MIB


if __name__ == "__main__":
    if "serve" in sys.argv:
        asyncio.run(serve())
    else:
        sys.exit(not asyncio.run(measure()))
