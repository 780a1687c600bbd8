"""Faults injected into requests to Discord."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import math
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from .refusals import Why

if TYPE_CHECKING:
    import ssl

    from .wire import Json

_JSON_STATUSES = {400, 401, 403, 404, 405, 409, 413, 429, 500}
_DEFAULT_CODES = {
    **{
        why.status: (why.code, why.message)
        for why in (Why.INVALID_FORM, Why.MISSING_PERMISSIONS, Why.UNKNOWN_CHANNEL, Why.TOO_LARGE)
    },
    401: (0, "401: Unauthorized"),
    500: (0, "500: Internal Server Error"),
}
KINDS = frozenset(
    {"reset before", "reset after", "close before", "close after", "hang", "hang before", "delay"}
)


@dataclass(eq=False)
class Fault:
    """A fault for the next `times` matching requests, or for all if None."""

    method: str
    path_pattern: str
    kind: int | str
    times: int | None = 1
    skip: int = 0
    """Number of matching requests to let through first."""
    code: int | None = None
    message: str | None = None
    retry_after_s: float = 0.05
    is_global: bool = False
    scope: str = "user"
    via: bool = True
    """False for a 429 from the firewall in front of Discord: HTML without a `Via` header."""
    delay_s: float = 0.0
    stored: bool = False
    """Whether the request takes effect despite the error status."""
    hits: int = 0
    """Number of requests it has affected."""
    released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def fits(self, method: str, path: str) -> bool:
        """Return whether the fault applies to a request, and count it if so."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.method not in {"*", method} or not fnmatch.fnmatchcase(path, self.path_pattern):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    def stop(self) -> None:
        """Stop applying, and release the requests that hang."""
        self.times = self.hits
        self.released.set()

    def response(self) -> web.Response:
        """Return the response of a fault with an HTTP status."""
        status = int(self.kind)
        if status == 429:
            return self._too_many()
        code, text = _DEFAULT_CODES.get(status, (0, f"{status}"))
        if status not in _JSON_STATUSES:
            return web.Response(
                status=status, text=f"<html><h1>{status}</h1></html>", content_type="text/html"
            )
        return json_response(
            {"message": self.message or text, "code": code if self.code is None else self.code},
            status=status,
        )

    def _too_many(self) -> web.Response:
        if not self.via:
            return web.Response(status=429, text="error code: 1015", content_type="text/html")
        headers = {
            "Via": "1.1 google",
            "Retry-After": str(math.ceil(self.retry_after_s)),
            "X-RateLimit-Scope": "global" if self.is_global else self.scope,
        }
        if self.is_global:
            headers["X-RateLimit-Global"] = "true"
        body: Json = {
            "message": "You are being rate limited.",
            "retry_after": self.retry_after_s,
            "global": self.is_global,
        }
        if self.code is not None:
            body["code"] = self.code
        return json_response(body, status=429, headers=headers)


def json_response(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return JSON with exactly `Content-Type: application/json`: clients compare the whole header."""
    response = web.Response(status=status, body=json.dumps(body).encode(), headers=headers)
    response.headers["Content-Type"] = "application/json"
    return response


def hang_up(transport: asyncio.Transport | asyncio.BaseTransport | None, *, reset: bool) -> None:
    """Close a connection at once, with RST (`reset`) or with FIN."""
    if not isinstance(transport, asyncio.Transport):
        return
    raw: socket.socket | ssl.SSLSocket | None = transport.get_extra_info("socket")
    # The peer may have closed first, leaving no socket to configure.
    if reset and raw is not None and raw.fileno() != -1:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
