"""A visitor of the playground: SimCord's page with its clicks, without a browser."""

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from bot.model import Backend
from bot.playground import browser

PROTOCOL = 3
OPENED = "Open "
PROMPTS = ("rain", "rain [fail]", "rain [moderated]", "rain [busy]", "rain [closed]", "rain [one take]")


class Visitor:
    """A page open in a browser."""

    def __init__(self, url: URL, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session
        self._headers: dict[str, str] = {"X-Simcord-Capability": url.fragment or ""}
        self._numbers = itertools.count(1)
        self._sequence = 0
        self.state: dict[str, Any] = {}

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self._session.get(
            self.url.with_path(path).with_fragment(None), headers=self._headers | headers
        ) as answer:
            return answer.status, await answer.text()

    async def fetch(self, path: str) -> tuple[int, bytes]:
        async with self._session.get(
            self.url.with_path(path).with_fragment(None), headers=self._headers
        ) as answer:
            return answer.status, await answer.read()

    async def open(self) -> None:
        async with self._session.post(
            self.url.with_path("/api/pages").with_fragment(None), json={}, headers=self._headers
        ) as answer:
            self.state = await answer.json()
        self._headers["X-Simcord-Context"] = self.state["context"]["id"]

    async def look(self) -> dict[str, Any]:
        """Load the page's state, as the browser does every half second."""
        status, text = await self.get("/api/state")
        assert 200 == status, text
        self.state = json.loads(text)
        return self.state

    async def act(self, kind: str, **details: object) -> dict[str, Any]:
        """Act on the page as it was when last loaded. Return SimCord's receipt."""
        body = {
            **details,
            "protocol_version": PROTOCOL,
            "sequence": self._sequence + 1,
            "request_id": f"request-{next(self._numbers)}",
            "generation": self.state["context"]["generation"],
            "bot_generation": self.state["botGeneration"],
            "published_revision": self.state["publishedRevision"],
            "kind": kind,
        }
        async with self._session.post(
            self.url.with_path("/api/action").with_fragment(None),
            data=json.dumps(body, separators=(",", ":")),
            headers=self._headers | {"Content-Type": "application/json"},
        ) as answer:
            assert 200 == answer.status, await answer.text()
            receipt: dict[str, Any] = await answer.json()
        self._sequence = receipt.get("expectedSequence", self._sequence)
        return receipt

    async def commands(self) -> list[dict[str, Any]]:
        _, text = await self.get("/api/commands")
        entries: list[dict[str, Any]] = json.loads(text)["entries"]
        return entries

    async def run(self, invocation: str, **options: str) -> dict[str, Any]:
        (command,) = [one for one in await self.commands() if one["invocation"] == invocation]
        return await self._run(command, options)

    async def _run(self, command: Mapping[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
        return await self.act(
            "run_command",
            command_id=command["commandId"],
            path=command["path"],
            schema_fingerprint=command["schemaFingerprint"],
            options=options,
        )

    def buttons(self) -> list[dict[str, Any]]:
        """Return the buttons that can be pressed on the page."""
        return [
            one
            for message in self.state["messages"].values()
            for one in _components(message["components"])
            if one.get("type") == 2 and one.get("custom_id") and not one.get("disabled")
        ]

    async def press(self, button: Mapping[str, Any]) -> dict[str, Any]:
        key = str(button["control_key"])
        return await self.act("click", control_key=key, target_id=key.split(":")[1])

    async def do_something(self, choose: random.Random) -> dict[str, Any]:
        """Do one of the things offered by the page."""
        if self.state["modal"] is not None:
            values = {"title": "Rain", "style": "folk", "lyrics": "Rain", "vocals": "with_vocals"}
            known = {
                one["custom_id"]
                for one in _components(self.state["modal"]["payload"]["components"])
                if "custom_id" in one
            }
            return await self.act(
                "modal_submit",
                modal_handle=self.state["modal"]["handle"],
                values={name: text for name, text in values.items() if name in known},
            )
        kind = choose.random()
        if kind < 0.05:
            return await self.act("viewer", viewer_id=choose.choice(self.state["viewers"])["id"])
        if kind < 0.5 and (buttons := self.buttons()):
            return await self.press(choose.choice(buttons))
        command = choose.choice(await self.commands())
        options = {one["name"]: self._value(one, choose) for one in command["options"] if one["required"]}
        return await self._run(command, options)

    def _value(self, option: Mapping[str, Any], choose: random.Random) -> str:
        if option["choices"]:
            return str(choose.choice(option["choices"])["value"])
        if option["type"] == "user":
            return str(choose.choice(self.state["viewers"])["id"])
        if option["type"] == "channel":
            return str(self.state["channelId"])
        if option["type"] == "integer":
            return str(choose.randint(option["minValue"] or 0, 1_000))
        return choose.choice(PROMPTS)


def _components(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        yield from _components(node.get("components") or [])
        if node.get("component"):
            yield from _components([node["component"]])


@asynccontextmanager
async def visiting(
    contract: Backend = Backend.SSEEDANCE, *, language: str = "en", delay_s: float = 0.0
) -> AsyncIterator[Visitor]:
    """Run the playground and open its page."""
    said: asyncio.Queue[str] = asyncio.Queue()
    serving = asyncio.create_task(
        browser.serve(None, said.put_nowait, contract, language=language, delay_s=delay_s)
    )
    hearing = asyncio.create_task(said.get())
    try:
        await asyncio.wait([serving, hearing], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        async with aiohttp.ClientSession() as session:
            visitor = Visitor(URL(hearing.result().removeprefix(OPENED)), session)
            await visitor.open()
            yield visitor
            if serving.done():
                serving.result()
    finally:
        hearing.cancel()
        serving.cancel()
        await asyncio.gather(serving, hearing, return_exceptions=True)
