"""Send the files of an export one after another, since Discord limits the size of a message."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import discord

from bot.services.export_files import Export, OneExportEach
from bot.ui.language import Language


@asynccontextmanager
async def folder(exports: OneExportEach, interaction: discord.Interaction) -> AsyncIterator[Path]:
    """Provide a folder for a person's export, and remove it on exit.

    Raises:
        ExportRunning: they already have an export in progress.
    """
    async with exports.of(interaction.user.id):
        with tempfile.TemporaryDirectory(prefix="tunesmith-") as name:
            yield Path(name)


async def send(interaction: discord.Interaction, say: Language, export: Export, text: str) -> None:
    """Send the files privately, the first one with the text."""
    content = text if export.complete else f"{text} {say('export-cut')}"
    for path in export.paths:
        with closing(discord.File(path)) as file:
            if content:
                await interaction.followup.send(content, file=file, ephemeral=True)
            else:
                await interaction.followup.send(file=file, ephemeral=True)
        content = ""
