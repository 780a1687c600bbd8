"""The minimal discord.py client with the bot's command: it answers at once and stores nothing."""

import os

import discord
from discord import app_commands


class Music(app_commands.Group, name="music", description="Songs"):
    """The same command as the bot's, without any logic."""

    @app_commands.command(description="Make a song from a prompt")
    async def create(self, interaction: discord.Interaction, prompt: app_commands.Range[str, 1, 500]) -> None:
        """Answer with the prompt."""
        await interaction.response.send_message(embed=discord.Embed(title="Queued", description=prompt))


class Bare(discord.AutoShardedClient):
    """The same kind of client as the bot's, or with what discord.py has by default."""

    def __init__(self) -> None:
        if os.environ.get("BARE_INTENTS") == "default":
            super().__init__(intents=discord.Intents.default())
        else:
            super().__init__(intents=discord.Intents.none(), max_messages=None)
        self.tree = app_commands.CommandTree(self)
        self.tree.add_command(Music())

    async def setup_hook(self) -> None:
        """Register the command."""
        await self.tree.sync()


if __name__ == "__main__":
    discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
    Bare().run(os.environ["DISCORD_TOKEN"], log_handler=None)
