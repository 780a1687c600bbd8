"""The gateway: HELLO, IDENTIFY, RESUME, heartbeats, and events with sequence numbers.

Source: https://docs.discord.com/developers/events/gateway (2026-08).
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from .faults import hang_up

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from .wire import Json

_DISPATCH, _HEARTBEAT, _IDENTIFY, _RESUME, _RECONNECT, _INVALID, _HELLO, _ACK = 0, 1, 2, 6, 7, 9, 10, 11
_BAD_TOKEN = 4004
_NOT_AUTHENTICATED = 4003
_KEPT_EVENTS = 1000


@dataclass(eq=False)
class Session:
    """One session of one shard. It outlives its connection until it is invalidated."""

    id: str
    shard: tuple[int, int]
    identify: Json
    seq: int = 0
    events: list[Json] = field(default_factory=list)
    """Sent events, replayed after a RESUME."""
    socket: web.WebSocketResponse | None = None
    transport: asyncio.BaseTransport | None = None

    @property
    def connected(self) -> bool:
        """Whether a client is listening."""
        return self.socket is not None and not self.socket.closed


class Gateway:
    """All sessions of the bot."""

    def __init__(
        self,
        *,
        token_is_good: Callable[[str], bool],
        ready: Callable[[Session], Json],
        changed: Callable[[], None],
    ) -> None:
        self._token_is_good = token_is_good
        self._ready = ready
        self._changed = changed
        self.sessions: dict[str, Session] = {}
        self.identifies: list[Json] = []
        self.identified_at_s: list[tuple[int, float]] = []
        """Shard and `time.monotonic()` of each IDENTIFY."""
        self.resumes: list[Json] = []
        self.heartbeats = 0
        self.connections = 0
        """Number of websocket requests, including refused ones."""
        self.refusing = False
        """Whether to answer connections with 503."""
        self.silent = False
        """Whether to keep connections open without sending anything."""
        self.resumable = True
        """False: answer every RESUME with an invalid session."""
        self.heartbeat_interval_ms = 41_250
        self._open: dict[web.WebSocketResponse, asyncio.BaseTransport | None] = {}

    def listening(self, guild_id: int | None) -> list[Session]:
        """Return the connected sessions of the shard responsible for a server (None: for DMs)."""
        return [
            one
            for one in self.sessions.values()
            if one.connected and one.shard[0] == ((guild_id or 0) >> 22) % one.shard[1]
        ]

    async def send(self, event: str, data: Json, guild_id: int | None) -> int:
        """Send an event to every session responsible; return how many have a client listening."""
        reached = 0
        for session in list(self.sessions.values()):
            if session.shard[0] == ((guild_id or 0) >> 22) % session.shard[1]:
                reached += await self._send(session, event, data)
        return reached

    async def drop(self, code: int | None = None) -> None:
        """Close all connections, with or without a close code."""
        for socket, transport in list(self._open.items()):
            if code is None:
                hang_up(transport, reset=True)
            else:
                await socket.close(code=code)

    async def invalidate(self, *, resumable: bool = False) -> None:
        """Send INVALID SESSION to every client."""
        for session in list(self.sessions.values()):
            if not resumable:
                del self.sessions[session.id]
            await _write(session.socket, {"op": _INVALID, "d": resumable})

    async def ask_to_reconnect(self) -> None:
        """Send RECONNECT to every client."""
        for session in list(self.sessions.values()):
            await _write(session.socket, {"op": _RECONNECT, "d": None})

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        self.connections += 1
        if self.refusing:
            self._changed()
            return web.Response(status=503, text="upstream connect error", content_type="text/plain")
        socket = web.WebSocketResponse(max_msg_size=0, compress=False, timeout=0.2)
        await socket.prepare(request)
        transport = request.transport
        self._open[socket] = transport
        session: Session | None = None
        try:
            interval_ms = self.heartbeat_interval_ms
            await _write(socket, {"op": _HELLO, "d": {"heartbeat_interval": interval_ms, "_trace": []}})
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    continue
                session = await self._receive(socket, transport, session, json.loads(frame.data))
        except ConnectionError:
            pass
        finally:
            self._open.pop(socket, None)
            if session is not None and session.socket is socket:
                session.socket = session.transport = None
                if socket.close_code in {1000, 1001}:
                    self.sessions.pop(session.id, None)
            self._changed()
        return socket

    async def _receive(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.BaseTransport | None,
        session: Session | None,
        frame: Json,
    ) -> Session | None:
        if self.silent:
            return session
        data: Any = frame.get("d")
        if frame["op"] == _HEARTBEAT:
            self.heartbeats += 1
            await _write(socket, {"op": _ACK, "d": None})
        elif frame["op"] == _IDENTIFY:
            session = await self._identify(socket, transport, data)
        elif frame["op"] == _RESUME:
            session = await self._resume(socket, transport, data)
        elif session is None:
            await socket.close(code=_NOT_AUTHENTICATED, message=b"Not authenticated.")
        self._changed()
        return session

    async def _identify(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.BaseTransport | None,
        data: Json,
    ) -> Session | None:
        self.identifies.append(data)
        if not self._token_is_good(data["token"]):
            await socket.close(code=_BAD_TOKEN, message=b"Authentication failed.")
            return None
        number, count = data.get("shard", (0, 1))
        self.identified_at_s.append((int(number), time.monotonic()))
        session = Session(
            secrets.token_hex(16), (int(number), int(count)), data, socket=socket, transport=transport
        )
        self.sessions[session.id] = session
        await self._send(session, "READY", self._ready(session))
        return session

    async def _resume(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.BaseTransport | None,
        data: Json,
    ) -> Session | None:
        self.resumes.append(data)
        if not self._token_is_good(data["token"]):
            await socket.close(code=_BAD_TOKEN, message=b"Authentication failed.")
            return None
        session = self.sessions.get(data["session_id"])
        if session is None or not self.resumable:
            await _write(socket, {"op": _INVALID, "d": False})
            return None
        session.socket, session.transport = socket, transport
        for event in list(session.events):
            if event["s"] > data["seq"]:
                await _write(socket, event)
        await self._send(session, "RESUMED", {"_trace": []})
        return session

    async def _send(self, session: Session, event: str, data: Json) -> bool:
        session.seq += 1
        frame = {"op": _DISPATCH, "t": event, "s": session.seq, "d": data}
        session.events.append(frame)
        del session.events[:-_KEPT_EVENTS]
        return not self.silent and await _write(session.socket, frame)


async def _write(socket: web.WebSocketResponse | None, frame: Json) -> bool:
    """Write a frame; return False if no client is listening, for example because its process was killed."""
    if socket is None or socket.closed:
        return False
    try:
        await socket.send_str(json.dumps(frame))
    except ConnectionError:
        return False
    return True
