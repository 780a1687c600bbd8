"""Open, maintain and close the connection to Discord."""

import asyncio
import logging
from typing import Final

import discord

from bot.configuration.sentences import STRANGERS
from bot.errors import StartRefused, Transient
from bot.store.servers import SERVE_ALL, ServerPolicy
from bot.ui.discord_client import UNREACHABLE, TunesmithClient

log = logging.getLogger(__name__)

AUTHENTICATION_FAILED: Final = 4004
"""Close code of the gateway for an invalid token.
Source: https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway, read 2026-11-22."""
CLOSE_WITHIN_S: Final = 5.0
"""Timeout for Discord to confirm a disconnect, in seconds."""


async def connect(
    client: TunesmithClient,
    token: str,
    stop: asyncio.Event,
    policy: ServerPolicy = SERVE_ALL,
) -> None:
    """Keep the bot connected to Discord until closed, which ``stop`` precedes.

    Raises:
        StartRefused: Discord does not accept the token.
        Transient: Discord can't be reached.
    """
    if client.is_closed():
        client.reopen()
    try:
        # Without this, a failed start leaves the HTTP session open (discord.py 2.7.1).
        async with client:
            await client.login(token)
            if policy.is_open and client.application is not None and client.application.bot_public:
                log.warning("strangers can spend credits", extra={"advice": STRANGERS})
            await client.connect()
    except discord.LoginFailure as error:
        raise StartRefused("DISCORD_TOKEN is not accepted by Discord; copy the bot's token again.") from error
    except discord.ConnectionClosed as error:
        if error.code != AUTHENTICATION_FAILED:
            raise
        raise StartRefused(
            "DISCORD_TOKEN is no longer accepted by Discord; copy the bot's token again."
        ) from error
    except (*UNREACHABLE, RuntimeError) as error:  # aiohttp raises it for what was closed meanwhile
        if stop.is_set():
            log.info("connection closed while connecting", extra={"error": str(error)})
        elif isinstance(error, RuntimeError):
            raise
        else:
            raise Transient(f"Discord can't be reached ({type(error).__name__})") from error


async def close(client: discord.Client) -> None:
    """Disconnect from Discord, which may never confirm it; nothing is lost then."""
    if client.is_closed():
        return
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await client.close()
    except TimeoutError:
        log.warning("disconnect not confirmed by Discord")
        await client.http.close()
