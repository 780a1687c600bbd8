"""The name by which the program identifies itself to other services."""

from typing import Final

HOMEPAGE: Final = "https://github.com/tunesmith-bot/tunesmith"
VERSION: Final = "0.1"
USER_AGENT: Final = f"Tunesmith/{VERSION} (+{HOMEPAGE})"
DISCORD_USER_AGENT: Final = f"DiscordBot ({HOMEPAGE}, {VERSION})"
"""User agent in the form that Discord requires.
Source: https://docs.discord.com/developers/reference#user-agent, read 2026-11-22."""
