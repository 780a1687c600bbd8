"""A discord.py client that gives every command a constant answer: a lower bound for any bot."""

import asyncio
import os

import discord
from discord import app_commands


class Music(app_commands.Group, name="music", description="Songs"):
    """The same command as the bot's, without any logic."""

    @app_commands.command(description="Make a song from a prompt")
    async def create(self, interaction: discord.Interaction, prompt: str) -> None:  # noqa: ARG002
        """Answer with a constant."""
        await interaction.response.send_message("Queued.")


class Bare(discord.AutoShardedClient):
    """The same kind of client as the bot's."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.none(), max_messages=None)
        self.tree = app_commands.CommandTree(self)
        self.tree.add_command(Music())

    async def setup_hook(self) -> None:
        """Register the command."""
        await self.tree.sync()


if __name__ == "__main__":
    discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
    asyncio.run(Bare().start(os.environ["DISCORD_TOKEN"]))
