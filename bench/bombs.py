"""How much memory hostile responses cost: ``python -m bench.bombs``.

A server on this machine sends 80 MB of JSON, a gzip bomb and an endless body, one after another, to the
real clients, which run in a separate process. The baseline is that process after one ordinary response.
The kernel does the measuring (``VmHWM``), so this runs on Linux only.
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
from bot.model import SongRequest, TaskId
from bot.music.client import MusicClient
from bot.music.downloads import AudioSource
from bot.music.spool import NoAudio, Spool
from bot.music.sseedance import Sseedance

COST_MAX_MIB = 20.0
CHUNK = b"ID3" + bytes(64 * 1024 - 3)
BOMB = gzip.compress(bytes(1024 * MIB), 9) if "serve" in sys.argv else b""
ENDLESS_CHUNKS = 8 * 1024
"""Number of chunks in the endless body: 512 MiB, for a client that stops at 40."""


async def ordinary(_: web.Request) -> web.Response:
    """Send a well-formed response."""
    return web.json_response({"data": {"id": "1", "status": "pending"}})


async def large_json(request: web.Request) -> web.StreamResponse:
    """Send 80 MB of JSON."""
    return await streamed(request, b'{"data": {"id": "' + bytes(64 * 1024).replace(b"\0", b"1"), 1_280)


async def endless(request: web.Request) -> web.StreamResponse:
    """Send audio that never ends."""
    return await streamed(request, CHUNK, ENDLESS_CHUNKS)


async def bomb(_: web.Request) -> web.Response:
    """Send a megabyte that unpacks to a gigabyte."""
    return web.Response(body=BOMB, headers={"Content-Encoding": "gzip", "Content-Type": "audio/mpeg"})


async def streamed(request: web.Request, chunk: bytes, count: int) -> web.StreamResponse:
    """Send the same chunk ``count`` times, or until the client disconnects."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(count):
        try:
            await response.write(chunk)
        except ConnectionError:
            break  # the client has refused the rest, as it should
    return response


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """Run the hostile server in a separate process, so that its memory isn't measured. Yield its URL."""
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
    """Serve hostile responses until killed."""
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
    """Print the cost of each response. Return whether all stay below the limit."""
    async with (
        served() as url,
        MusicClient.open(url=url, key="key", contract=Sseedance(), now=lambda: datetime.now(UTC)) as music,
        AudioSource.open(origins=[music.origin]) as audio,
    ):
        with tempfile.TemporaryDirectory() as folder:
            spool = Spool(Path(folder))
            await music.check(TaskId("ordinary"))
            attempts: dict[str, Callable[[], Awaitable[object]]] = {
                "status query: 80 MB of JSON": lambda: music.check(TaskId("json")),
                "status query: a gzip bomb": lambda: music.check(TaskId("bomb")),
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
                except (Transient, NoAudio) as error:
                    outcome = f"{type(error).__name__}: {error}"
                cost = peak_mib("self") - before
                worst = max(worst, cost)
                print(f"{cost:6.2f} MiB above {before:.1f}  {name}  ({outcome})")
    print(f"maximum: {worst:.2f} MiB; limit: {COST_MAX_MIB:.0f} MiB")
    return worst < COST_MAX_MIB


if __name__ == "__main__":
    if "serve" in sys.argv:
        asyncio.run(serve())
    else:
        sys.exit(not asyncio.run(measure()))
