"""Alerts for the operator: a line in the log, and a message by webhook where one is set."""

import asyncio
import logging
import time
from typing import Final

import aiohttp

from bot.ui.discord_limits import CONTENT_MAX
from bot.ui.text import cut, plain

log = logging.getLogger(__name__)

WAITING_MAX: Final = 50
"""Alerts that wait for the webhook; in a storm the newest are only logged."""
AGAIN_S: Final = 3_600.0
SEND_S: Final = 10.0
TRIES: Final = 5
TRY_AGAIN_S: Final = 5.0


class OperatorAlerts:
    """Tells the one who hosts the bot what only they can mend."""

    def __init__(self, webhook_url: str | None) -> None:
        self._webhook_url = webhook_url
        self._said_at_s: dict[str, float] = {}
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING_MAX)

    def alert(self, text: str) -> None:
        """Log it at once, and send it as soon as it can be sent; the same text once an hour."""
        log.error("for the operator: %s", text)
        now_s = time.monotonic()
        self._said_at_s = {said: at_s for said, at_s in self._said_at_s.items() if now_s - at_s < AGAIN_S}
        if self._webhook_url is None or self._waiting.full() or text in self._said_at_s:
            return
        self._said_at_s[text] = now_s
        self._waiting.put_nowait(text)

    async def run(self) -> None:
        """Send what comes, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=SEND_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await self._send(session, await self._waiting.get())

    async def _send(self, session: aiohttp.ClientSession, text: str) -> None:
        assert self._webhook_url is not None  # noqa: S101 - nothing is queued without one
        body = {"content": cut(f"⚠️ Tunesmith: {plain(text)}", CONTENT_MAX), "allowed_mentions": {"parse": []}}
        for _ in range(TRIES):
            try:
                async with session.post(self._webhook_url, json=body, allow_redirects=False) as response:
                    if response.ok:
                        return
                    problem = f"HTTP {response.status}"
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                # The address is a secret: an error's text may have it.
                problem = type(error).__name__
            log.warning("the operator's webhook did not take an alert: %s", problem)
            await asyncio.sleep(TRY_AGAIN_S)
