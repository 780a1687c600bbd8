"""Discord for the benchmarks, with as little work per request as possible: only the bots' should count.

It remembers nothing, refuses nothing, and answers whatever a bot of this kind requests. The double that
checks requests is ``tests/doubles/discord``; this one only has to be faster than any client.
"""

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Self

from aiohttp import WSMsgType, web

from bench.guilds import GUILDS_INTENT, guild_create
from tests.doubles.discord import Channel, Person
from tests.doubles.discord.application import application_wire, ready_wire
from tests.doubles.discord.wire import Guild, channel_wire, member_wire, user_wire

TOKEN: Final = "stand-in.bot.token"  # noqa: S105 - made up
APPLICATION_ID: Final = 1_100_000_000_000_000_001
HEARTBEAT_MS: Final = 41_250
ANSWER_WITHIN_S: Final = 20.0
"""Timeout for an answer or a connection, in seconds."""
CALLBACK: Final = re.compile(r"/interactions/(\d+)/[^/]+/callback")
OPTION_TYPES: Final = {str: 3, int: 4, bool: 5, Person: 6}
"""Discord's numbers for option types."""
DISPATCH, HEARTBEAT, IDENTIFY, HELLO, ACK = 0, 1, 2, 10, 11


class StandIn:
    """One Discord for one bot. Get it from ``StandIn.open``."""

    def __init__(self, guilds: int, first_guild: int | None = None) -> None:
        self._last = (int(time.time() * 1000) - 1_420_070_400_000) << 22
        first = first_guild or self._last
        self.guilds = [Guild(first + (number << 22), f"Server {number}") for number in range(guilds)]
        self._last += guilds << 22
        self.ready_at_s: float | None = None
        """When the last READY was sent, by ``time.perf_counter``."""
        self.posts = 0
        """Messages posted with the bot's token."""
        self.edits = 0
        """Messages edited in any way."""
        self.followed = asyncio.Event()
        """Set once a follow-up message to an interaction has arrived."""
        self.on_answer: Callable[[], None] = lambda: None
        """Called when the answer to an interaction arrives, before the bot gets Discord's reply to it."""
        self.commands: list[dict[str, Any]] = []
        self._bot = Person(APPLICATION_ID, "tunesmith", bot=True)
        self._answers: dict[str, asyncio.Future[tuple[float, dict[str, Any]]]] = {}
        self._socket: web.WebSocketResponse | None = None
        self._connected = asyncio.Event()
        self._beaten = asyncio.Event()
        self._sequence = 0
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def open(cls, guilds: int = 4, first_guild: int | None = None) -> AsyncIterator[Self]:
        """Listen on a free port of this machine; server ids start at ``first_guild``."""
        stand_in = cls(guilds, first_guild)
        runner = web.ServerRunner(web.Server(stand_in._serve))
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=0.1).start()
            stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10"
            yield stand_in
        finally:
            await runner.cleanup()

    async def until_ready(self) -> float:
        """Wait until a client has been sent everything. Return when READY was, by ``time.perf_counter``."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await self._connected.wait()
        assert self.ready_at_s is not None
        return self.ready_at_s

    def member(self, number: int) -> tuple[Channel, Person]:
        """Return a member and their channel, on the servers in turn."""
        guild = self.guilds[number % len(self.guilds)]
        return Channel(guild.id + 1, "songs", guild=guild), Person(APPLICATION_ID + 1 + number, f"m{number}")

    def command(
        self, name: str, options: dict[str, Any], where: tuple[Channel, Person], *, completes: bool = False
    ) -> str:
        """Return a slash command, or the autocompletion of its option, as the JSON that Discord sends."""
        channel, person = where
        guild = channel.guild
        assert guild is not None
        group, _, leaf = name.partition(" ")
        number = str(self._id())
        self._answers[number] = asyncio.get_running_loop().create_future()
        self._sequence += 1
        values = [
            {"name": key, "type": OPTION_TYPES[type(value)], "value": _value(value)}
            | ({"focused": True} if completes else {})
            for key, value in options.items()
        ]
        people = [value for value in options.values() if isinstance(value, Person)]
        data: dict[str, Any] = {
            "id": number,
            "application_id": str(APPLICATION_ID),
            "type": 4 if completes else 2,
            "token": secrets.token_urlsafe(120),
            "version": 1,
            "data": {
                "id": "7",
                "name": group,
                "type": 1,
                "options": [{"name": leaf, "type": 1, "options": values}],
                "resolved": {
                    "users": {str(one.id): user_wire(one) for one in people},
                    "members": {str(one.id): member_wire(one) for one in people},
                },
            },
            "channel_id": str(channel.id),
            "channel": channel_wire(channel, permissions=person.permissions),
            "app_permissions": str(channel.bot_permissions),
            "locale": "en-US",
            "entitlements": [],
            "entitlement_sku_ids": [],
            "attachment_size_limit": 10 << 20,
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
            "guild_locale": guild.locale,
            "member": member_wire(person),
            "context": 0,
            "authorizing_integration_owners": {"0": str(guild.id)},
        }
        return json.dumps({"op": DISPATCH, "t": "INTERACTION_CREATE", "s": self._sequence, "d": data})

    async def ask(self, payload: str) -> tuple[float, dict[str, Any]]:
        """Send an interaction. Return the seconds until its answer arrived, and the answer."""
        number = json.loads(payload)["d"]["id"]
        answer = self._answers[number]
        assert self._socket is not None
        sent_s = time.perf_counter()
        await self._socket.send_str(payload)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                at_s, body = await answer
        finally:
            del self._answers[number]
        return at_s - sent_s, body

    async def beat(self) -> float:
        """Request a heartbeat. Return the milliseconds until it arrived."""
        assert self._socket is not None
        self._beaten.clear()
        began_s = time.perf_counter()
        await _send(self._socket, {"op": HEARTBEAT, "d": None})
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await self._beaten.wait()
        return (time.perf_counter() - began_s) * 1000

    def _id(self) -> int:
        self._last += 1 << 22
        return self._last

    # -- endpoints for the bot

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/gateway":
            return await self._gateway(request)
        path = request.path.removeprefix("/api/v10")
        callback = CALLBACK.fullmatch(path)
        body = await request.content.read()  # request.read() refuses more than 1 MiB, and files are larger
        if callback is not None:
            at_s = time.perf_counter()
            content = _content(body)
            answer = self._answers.get(callback[1])
            if answer is not None and not answer.done():
                self.on_answer()
                answer.set_result((at_s, content))
            return _json(self._answered(callback[1], content))
        return _json(self._rest(request.method, path, body))

    def _answered(self, interaction: str, content: dict[str, Any]) -> dict[str, Any]:
        message = self._message(self._id(), 1, content.get("data") or {})
        return {
            "interaction": {
                "id": interaction,
                "type": 2,
                "response_message_id": message["id"],
                "response_message_loading": False,
                "response_message_ephemeral": False,
                "channel_id": "1",
            },
            "resource": {"type": 4, "message": message},
        }

    def _message(self, number: int, channel: int, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": str(number),
            "channel_id": str(channel),
            "type": 0,
            "author": user_wire(self._bot),
            "content": data.get("content") or "",
            "timestamp": "2026-01-01T00:00:00.000000+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": data.get("embeds") or [],
            "components": data.get("components") or [],
            "pinned": False,
            "flags": 0,
        }

    def _rest(self, method: str, path: str, body: bytes) -> Any:  # noqa: ANN401 - any JSON
        parts = path.strip("/").split("/")
        match method, parts:
            case "GET", ["gateway", "bot"]:
                limit = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1}
                url = self.url.replace("http", "ws", 1).removesuffix("/api/v10") + "/gateway"
                return {"url": url, "shards": 1, "session_start_limit": limit}
            case "GET", ["users", "@me"]:
                return user_wire(self._bot)
            case "GET", ["applications", "@me"] | ["oauth2", "applications", "@me"]:
                return application_wire(APPLICATION_ID, Person(1, "owner"), guilds=1)
            case "PUT", ["applications", _, "commands"]:
                self.commands = [
                    {"id": str(self._id()), "application_id": str(APPLICATION_ID), "version": "1", **one}
                    for one in json.loads(body)
                ]
                return self.commands
            case "GET", ["channels", _, "messages"]:
                return []
            case "POST", ["channels", channel, "messages"]:
                self.posts += 1
                return self._message(self._id(), int(channel), {})
            case "PATCH", ["channels", channel, "messages", message]:
                self.edits += 1
                return self._message(int(message), int(channel), {})
            case "POST", ["webhooks", *_]:
                self.followed.set()
                return self._message(self._id(), 1, {})
            case "PATCH", ["webhooks", *_]:
                self.edits += 1
                return self._message(self._id(), 1, {})
            case "GET", ["channels", channel]:
                guild = self.guilds[0]
                return channel_wire(Channel(int(channel), "songs", guild=guild))
        raise web.HTTPNotFound(text=f"{method} {path}")

    async def _gateway(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=0, compress=False, timeout=0.2)
        await socket.prepare(request)
        await _send(socket, {"op": HELLO, "d": {"heartbeat_interval": HEARTBEAT_MS, "_trace": []}})
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            content = json.loads(frame.data)
            op = content["op"]
            if op == HEARTBEAT:
                self._beaten.set()
                await _send(socket, {"op": ACK, "d": None})
            elif op == IDENTIFY:
                self._sequence = 1
                self._socket = socket
                await _send(socket, {"op": DISPATCH, "t": "READY", "s": 1, "d": self._ready()})
                self.ready_at_s = time.perf_counter()
                if content["d"]["intents"] & GUILDS_INTENT:
                    await self._send_guilds(socket)
                self._connected.set()
        if self._socket is socket:
            self._socket = None
            self._connected.clear()
        return socket

    async def _send_guilds(self, socket: web.WebSocketResponse) -> None:
        for guild in self.guilds:
            self._sequence += 1
            data = guild_create(guild, self._bot)
            await _send(socket, {"op": DISPATCH, "t": "GUILD_CREATE", "s": self._sequence, "d": data})

    def _ready(self) -> dict[str, Any]:
        return ready_wire(
            self._bot,
            (guild.id for guild in self.guilds),
            application_id=APPLICATION_ID,
            session_id=secrets.token_hex(16),
            resume_url=self.url.replace("http", "ws", 1).removesuffix("/api/v10") + "/gateway",
            shard=(0, 1),
        )


async def _send(socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
    await socket.send_str(json.dumps(frame))


def _content(body: bytes) -> dict[str, Any]:
    """Return the JSON of an answer, which is the first part of a form if a file is attached."""
    if not body.startswith(b"{"):
        body = body[body.index(b"\r\n\r\n") + 4 : body.index(b"\r\n--", 1)]
    found: dict[str, Any] = json.loads(body)
    return found


def _value(value: object) -> object:
    return str(value.id) if isinstance(value, Person) else value


def _json(content: object) -> web.Response:
    return web.Response(body=json.dumps(content).encode(), content_type="application/json")
