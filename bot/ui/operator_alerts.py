"""Operator alerts: a log line, and a webhook message if one is configured."""

import asyncio
import logging
import time
from typing import Final

import aiohttp

from bot.discord_limits import CONTENT_MAX
from bot.proxies import Proxy
from bot.ui import request_trace
from bot.ui.discord_proxy import session_options
from bot.ui.text import cut, plain

log = logging.getLogger(__name__)

WAITING_MAX: Final = 50
"""Maximum number of alerts queued for the webhook; when the queue is full, new ones are only logged."""
AGAIN_S: Final = 3_600.0
"""Interval before the same text is sent again, in seconds."""
SEND_S: Final = 10.0
"""Timeout for one request to the webhook, in seconds."""
TRIES: Final = 5
TRY_AGAIN_S: Final = 5.0
"""Delay between two attempts, in seconds."""


class OperatorAlerts:
    """Alerts the operator to problems that only they can fix."""

    def __init__(self, webhook_url: str | None, proxy: Proxy | None = None) -> None:
        self._webhook_url = webhook_url
        self._proxy = proxy
        self._sent_at_s: dict[str, float] = {}
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING_MAX)

    def alert(self, text: str) -> None:
        """Log the text and queue it for the webhook, at most hourly per text."""
        log.error("operator alert", extra={"alert": text})
        now_s = time.monotonic()
        self._sent_at_s = {sent: at_s for sent, at_s in self._sent_at_s.items() if now_s - at_s < AGAIN_S}
        if self._webhook_url is None or self._waiting.full() or text in self._sent_at_s:
            return
        self._sent_at_s[text] = now_s
        self._waiting.put_nowait(text)

    async def run(self) -> None:
        """Send queued alerts until cancelled."""
        timeout = aiohttp.ClientTimeout(total=SEND_S)
        trace = request_trace.trace(secret_path=True)
        async with aiohttp.ClientSession(
            timeout=timeout, trace_configs=[trace], **session_options(self._proxy)
        ) as session:
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
                # The address is a secret, and an error's text may contain it.
                problem = type(error).__name__
            log.warning("operator alert not sent", extra={"problem": problem})
            await asyncio.sleep(TRY_AGAIN_S)
