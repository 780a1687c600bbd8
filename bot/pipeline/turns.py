"""Queue sends to one channel without holding up those to other channels."""

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bot.model import ChannelId, GuildId

SENDS_MAX: Final = 16
"""Maximum number of concurrent sends, to different channels."""
GUILD_SENDS_MAX: Final = 4
"""Maximum number of concurrent sends to the channels of one server."""


class SendTurns:
    """Hands out turns: one send at a time per channel, first come, first served.

    Discord limits sends per channel, and discord.py waits inside the send. If a waiting send took one of
    the few places, one busy channel would take them all, and so would one server with many channels. So a
    send waits for its channel, then for its server, neither of which takes a place, and then for a place.
    """

    def __init__(self, sends_max: int = SENDS_MAX) -> None:
        self._places = asyncio.Semaphore(sends_max)
        self._channels: weakref.WeakValueDictionary[int, asyncio.Lock] = weakref.WeakValueDictionary()
        self._guilds: weakref.WeakValueDictionary[GuildId, asyncio.Semaphore] = weakref.WeakValueDictionary()

    @asynccontextmanager
    async def take(self, channel_id: ChannelId, guild_id: GuildId) -> AsyncIterator[None]:
        """Wait for a server's turn to send to this channel, and keep it for the block."""
        channel = self._channels.setdefault(channel_id, asyncio.Lock())
        guild = self._guilds.setdefault(guild_id, asyncio.Semaphore(GUILD_SENDS_MAX))
        async with channel, guild, self._places:
            yield
