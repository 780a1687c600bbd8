"""Serve SimCord's page to the browser, one action at a time.

SimCord refuses clicks while its clock moves, and clicks on an outdated page. The page then shows an error, or
stays locked until it is reloaded. Discord does neither. So our server stands in front of SimCord's: here, a
click waits for its turn and is brought up to date, and audio is passed on without SimCord's decoding. It also
adds a style sheet and a script.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any, Final

import aiohttp
from aiohttp import web
from yarl import URL

from bot.playground.captions import Captions
from bot.playground.world import SETTLE_MAX_S

HOST: Final = "127.0.0.1"
BODY_MAX_BYTES: Final = 27 * 1024 * 1024
"""Maximum size of a request; SimCord accepts forms of up to 26 MiB."""
TURN_WAIT_MAX_S: Final = SETTLE_MAX_S + 5.0
"""How long a click waits for its turn; the clock, or another click, is done by then."""
ANSWER_MAX_S: Final = SETTLE_MAX_S + 10.0
"""Timeout for SimCord's answer."""
OWN_FILES: Final = {"/playground.css": "text/css", "/playground.js": "application/javascript"}
"""The files added to SimCord's page, and their types."""
PASSED_ON: Final = ("Content-Type", "X-Simcord-Capability", "X-Simcord-Context")
"""Request headers that SimCord needs."""
ASSETS: Final = "/api/assets/"
AS_IT_IS: Final = "?download=1"
"""The query for a file without SimCord's decoding. SimCord decodes files one by one, each in a process of its
own, and calls files "unavailable" while 8 are waiting, as on a page with five songs. Meanwhile, they
occupy all of a browser's connections, so that no click gets through. Browsers can play the audio
undecoded.
"""
HELD_BACK: Final = frozenset(
    {"connection", "content-encoding", "content-length", "date", "server", "transfer-encoding"}
)
"""Response headers that concern a single connection."""
_REVISION: Final = re.compile(rb'"published_revision":\d+')
"""The revision of the clicked page. In typed text, the quotation marks are escaped."""
_REQUEST_ID: Final = re.compile(rb'"request_id":"([\w-]{1,64})"')


@dataclass(frozen=True)
class Viewer:
    """Somebody who can use the page."""

    name: str
    manager: bool


@dataclass(frozen=True)
class Page:
    """SimCord's page at ``upstream``, and its possible users."""

    upstream: URL
    texts: Captions
    viewers: Sequence[Viewer]
    turn: asyncio.Lock
    """Held while anything changes the simulated Discord: a click, or the clock."""

    @asynccontextmanager
    async def served(self, port: int) -> AsyncIterator[str]:
        """Serve the page on a port, or on a free one with 0. Yield its address."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_MAX_S)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
            server = _Server(self, session)
            app = web.Application(client_max_size=BODY_MAX_BYTES)
            app.router.add_route("*", "/{path:.*}", server.answer)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            try:
                await web.TCPSite(runner, HOST, port).start()
                server.port = runner.addresses[0][1]
                yield f"http://{HOST}:{server.port}/#{self.upstream.fragment}"
            finally:
                await runner.cleanup()


class _Server:
    def __init__(self, page: Page, session: aiohttp.ClientSession) -> None:
        self._page = page
        self._session = session
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        hosts = {f"{HOST}:{self.port}", f"localhost:{self.port}"}
        origins = {None, *(f"http://{host}" for host in hosts)}
        # Reject other sites that a name server directed here, or that post here.
        if request.headers.get("Host") not in hosts or request.headers.get("Origin") not in origins:
            raise web.HTTPForbidden
        if request.path in OWN_FILES:
            text = files("bot.playground").joinpath("static", request.path[1:]).read_text("utf-8")
            return web.Response(
                text=text, content_type=OWN_FILES[request.path], headers={"Cache-Control": "no-store"}
            )
        body = await request.read()
        if request.path == "/api/action":
            return await self._act(request, body)
        if request.path.startswith(ASSETS) and not request.query_string:
            response = await self._forward(request, body, query=AS_IT_IS)
            if response.content_type.startswith("audio/"):
                return response
        response = await self._forward(request, body)
        if request.path == "/":
            response.text = self._dressed(response.text or "")
        return response

    async def _act(self, request: web.Request, body: bytes) -> web.Response:
        """Let SimCord handle a click once it is idle."""
        try:
            async with asyncio.timeout(TURN_WAIT_MAX_S):
                await self._page.turn.acquire()
        except TimeoutError:
            return _not_done(body)
        try:
            response = await self._forward(request, body)
            revision = _newer_revision(response)
            if revision is not None:
                # Messages have changed since. SimCord checks whether the clicked element still exists.
                renewed = _REVISION.sub(b'"published_revision":%d' % revision, body, count=1)
                response = await self._forward(request, renewed)
            return response
        finally:
            self._page.turn.release()

    async def _forward(self, request: web.Request, body: bytes, *, query: str = "") -> web.Response:
        url = self._page.upstream.join(URL(request.raw_path + query, encoded=True)).with_fragment(None)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        async with self._session.request(request.method, url, headers=headers, data=body) as answer:
            passed_on = {name: text for name, text in answer.headers.items() if name.lower() not in HELD_BACK}
            return web.Response(status=answer.status, body=await answer.read(), headers=passed_on)

    def _dressed(self, html: str) -> str:
        """Return SimCord's page with our style sheet, script and title."""
        texts = self._page.texts
        viewers = [
            {"name": viewer.name, "role": texts.manager if viewer.manager else texts.member}
            for viewer in self._page.viewers
        ]
        facts = json.dumps(
            {
                "title": texts.title,
                "subtitle": texts.subtitle,
                "viewingAs": texts.viewing_as,
                "viewers": viewers,
            }
        )
        head = (
            '<link rel="stylesheet" href="/playground.css">'
            f'<script src="/playground.js" defer data-facts="{escape(facts)}"></script>'
        )
        html = re.sub(r"<title>.*?</title>", f"<title>{escape(texts.title)}</title>", html)
        return html.replace("</head>", f"{head}</head>", 1).replace(
            '<html lang="en">', f'<html lang="{texts.locale}">'
        )


def _newer_revision(response: web.Response) -> int | None:
    """Return the page's revision if SimCord refused the action as based on an older one."""
    answer = _json(response)
    codes = [one["code"] for one in answer["diagnostics"]] if answer.get("rejected") else []
    return int(answer["revision"]) if "stale-revision" in codes else None


def _json(response: web.Response) -> Mapping[str, Any]:
    if response.content_type != "application/json" or not isinstance(response.body, bytes):
        return {}
    answer: Mapping[str, Any] = json.loads(response.body)
    return answer


def _not_done(body: bytes) -> web.Response:
    """Return SimCord's refusal form: the page shows the message and stays usable."""
    request_id = _REQUEST_ID.search(body)
    return web.json_response(
        {
            "requestId": None if request_id is None else request_id[1].decode(),
            "rejected": True,
            "settlement": "rejected",
            "acknowledgement": "pending",
            "diagnostics": [],
            "outcomes": [],
        }
    )
