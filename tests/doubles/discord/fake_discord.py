"""Discord on a local socket: a bot process connects to it, and a test acts as the people using it.

A test starts it, points the bot at its `url`, acts through `slash`, `click`, `submit` and `autocomplete`,
and reads the result in `messages`, `requests` and the returned `Answer`:

    async with FakeDiscord() as discord:
        ...start the bot with DISCORD_API_URL=discord.url and the token discord.token...
        answer = await discord.slash("music create", prompt="rain on neon")
        await discord.until(lambda: discord.posted())
        assert discord.unknown_routes == []

Everything is kept in memory and never forgotten, so that a bot can be killed and restarted.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from .acts import BotRequest
from .faults import KINDS, Fault, hang_up
from .people import People
from .rest import Rest
from .world import API_PATH, BOT_TOKEN, GATEWAY_PATH

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeDiscord(Rest, People):
    """One Discord with one bot and its servers, people and messages. Use it with `async with`."""

    def __init__(
        self,
        *,
        token: str = BOT_TOKEN,
        host: str = "127.0.0.1",
        port: int = 0,
        shards: int = 1,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(token=token, host=host, port=port, shards=shards, now=now)
        self._runner: web.AppRunner | None = None
        self._transports: set[asyncio.Transport] = set()

    async def __aenter__(self) -> Self:
        await self.come_back()
        return self

    async def __aexit__(self, *_: object) -> None:
        for fault in self.faults:
            fault.stop()
        await self.go_down()

    async def come_back(self) -> None:
        """Listen, on the same port as before if any."""
        for fault in self.faults:
            fault.released.clear()
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, reuse_address=True)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def go_down(self) -> None:
        """Stop listening and close all connections. Stored data stays."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        for site in list(runner.sites):
            await site.stop()
        for fault in self.faults:
            fault.released.set()
        for transport in list(self._transports):
            transport.abort()
        await self.gateway.drop()
        await runner.cleanup()
        self._transports.clear()

    async def revoke_token(self) -> None:
        """Revoke the bot's token: REST answers 401, the gateway closes with 4004."""
        self.revoked = True
        await self.gateway.drop(code=4004)
        self.changed()

    async def drop_gateway(self, code: int | None = None) -> None:
        """Cut the gateway connections, with or without a close code. Sessions can be resumed."""
        await self.gateway.drop(code)

    def refuse_gateway(self, *, refuse: bool = True) -> None:
        """Refuse gateway connections from now on, or accept them again."""
        self.gateway.refusing = refuse

    async def invalidate_session(self, *, resumable: bool = False) -> None:
        """Invalidate the bot's gateway session."""
        await self.gateway.invalidate(resumable=resumable)

    async def until_connected(self, timeout_s: float = 10.0) -> None:
        """Wait until the bot listens on the gateway."""
        await self.until(lambda: self.gateway.listening(self.guild.id), timeout_s, "a gateway connection")

    def fault(
        self,
        method: str,
        path_pattern: str,
        kind: int | str,
        times: int | None = 1,
        *,
        skip: int = 0,
        code: int | None = None,
        message: str | None = None,
        retry_after_s: float = 0.05,
        is_global: bool = False,
        scope: str = "user",
        via: bool = True,
        delay_s: float = 0.0,
        stored: bool = False,
    ) -> Fault:
        """Make matching requests fail from now on; the first matching fault applies.

        The pattern is a shell pattern on the path without `/api/v10` (`/channels/*/messages`, `*` crosses
        slashes); `kind` is an HTTP status, `reset before`, `reset after` (RST before or after the request
        took effect), `close before`, `close after` (the same with FIN), `hang` (takes effect, not answered
        until the stand-in or the fault ends), `hang before`, `delay` (with `delay_s`) or `delay 0.5`.
        """
        if isinstance(kind, str) and kind.startswith("delay "):
            kind, delay_s = "delay", float(kind.removeprefix("delay "))
        if isinstance(kind, str) and kind not in KINDS:
            raise ValueError(kind)
        fault = Fault(
            method.upper(),
            path_pattern,
            kind,
            times,
            skip,
            code,
            message,
            retry_after_s,
            is_global,
            scope,
            via,
            delay_s,
            stored,
        )
        self.faults.append(fault)
        return fault

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if isinstance(request.transport, asyncio.Transport):
            self._transports.add(request.transport)
        if request.path == GATEWAY_PATH:
            return await self.gateway.serve(request)
        try:
            call = await _read(request)
        except (ConnectionError, web.RequestPayloadError):
            return web.Response(status=400)
        self.requests.append(call)
        self.changed()
        fault = next((one for one in self.faults if one.fits(call.method, call.path)), None)
        try:
            response = await self._with_fault(call, fault, request)
        finally:
            self._transports = {one for one in self._transports if not one.is_closing()}
        call.status = response.status if response is not None else None
        self.changed()
        if response is None:
            return web.Response(status=500)
        if response.status < 400 and not call.path.startswith(("/cdn/", "/webhooks/", "/interactions/")):
            self._rate_headers(call, response)
        return response

    async def _with_fault(
        self, call: BotRequest, fault: Fault | None, request: web.Request
    ) -> web.Response | None:
        if fault is None:
            return self.run(call)
        if isinstance(fault.kind, int):
            if fault.stored:
                self.run(call)
            return fault.response()
        if fault.kind == "delay":
            await asyncio.sleep(fault.delay_s)
            return self.run(call)
        what, _, when = fault.kind.partition(" ")
        response = None if when == "before" else self.run(call)
        self.changed()
        if what == "hang":
            await fault.released.wait()
            return response if response is not None or self._runner is None else self.run(call)
        hang_up(request.transport, reset=what == "reset")
        return None

    def _rate_headers(self, call: BotRequest, response: web.Response) -> None:
        bucket = hashlib.md5(
            f"{call.method} {call.parts['template']}".encode(), usedforsecurity=False
        ).hexdigest()
        response.headers.update(
            {
                "X-RateLimit-Bucket": bucket,
                "X-RateLimit-Limit": str(self.bucket_limit),
                "X-RateLimit-Remaining": str(self.bucket_limit - 1),
                "X-RateLimit-Reset": f"{time.time() + 1:.3f}",
                "X-RateLimit-Reset-After": "1.000",
            },
        )


async def _read(request: web.Request) -> BotRequest:
    at_s = time.monotonic()
    raw = await request.content.read()
    payload: Any = None
    files: list[tuple[str, str, bytes]] = []
    if request.content_type == "application/json" and raw:
        payload = json.loads(raw)
    elif request.content_type == "multipart/form-data":
        for name, filename, data in _multipart(raw, request.headers["Content-Type"]):
            if name == "payload_json":
                payload = json.loads(data)
            else:
                files.append((name, filename or name, data))
    return BotRequest(
        request.method,
        request.path.removeprefix(API_PATH),
        dict(request.query),
        payload,
        files,
        at_s,
        request.headers.get("Authorization"),
    )


def _multipart(raw: bytes, content_type: str) -> list[tuple[str, str | None, bytes]]:
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    assert boundary is not None, content_type
    found: list[tuple[str, str | None, bytes]] = []
    for part in (b"\r\n" + raw).split(b"\r\n--" + boundary[1].encode())[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        text = head.decode()
        name = re.search(r'[; ]name="([^"]*)"', text)
        filename = re.search(r'filename="([^"]*)"', text)
        assert name is not None, text
        found.append((name[1], None if filename is None else filename[1], data))
    return found
