"""``/music``: what members use to ask for songs."""

from typing import Any

import discord
from discord import app_commands

from bot.jobs.intake import Intake
from bot.jobs.purse import Purse
from bot.model import SongRequest
from bot.ui import answers, asking, forms, quota_cards

PROMPT_MAX = 500


class PromptText(app_commands.Transformer):
    """A prompt whose limit Discord shows while it is typed; what comes all the same is judged by intake."""

    @property
    def min_value(self) -> int:
        """The fewest characters."""
        return 1

    @property
    def max_value(self) -> int:
        """The most characters."""
        return PROMPT_MAX

    async def transform(self, interaction: discord.Interaction, value: Any, /) -> str:  # noqa: ANN401, ARG002
        """The text as it was typed, whatever its length: a refusal keeps it."""
        return str(value)


class Music(
    app_commands.Group,
    name="music",
    description="Make songs and look after them",
    guild_only=True,
):
    """The commands of members."""

    def __init__(self, intake: Intake, purse: Purse) -> None:
        super().__init__(allowed_installs=app_commands.AppInstallationType(guild=True, user=False))
        self.intake = intake
        self.purse = purse
        models = [app_commands.Choice(name=model, value=model) for model in intake.terms.models]
        app_commands.choices(model=models)(self.create)
        app_commands.choices(model=models)(self.custom)

    @app_commands.command(description="Make a song from a prompt")
    @app_commands.describe(
        prompt="Idea, mood, genre, instruments: “warm synth pop about the last train home”",
        instrumental="Without a voice",
        model="The model that composes",
    )
    async def create(
        self,
        interaction: discord.Interaction,
        prompt: app_commands.Transform[str, PromptText],
        instrumental: bool = False,
        model: str | None = None,
    ) -> None:
        """A song from one line."""
        request = SongRequest(model=self._model(model), prompt=prompt, instrumental=instrumental)
        await answers.promise(interaction, self.intake, request)

    @app_commands.command(description="Make a song from a title, a style and your own lyrics")
    @app_commands.describe(model="The model that composes")
    async def custom(self, interaction: discord.Interaction, model: str | None = None) -> None:
        """Opens the form; what is sent with it comes to ``answers.submitted``."""
        asking.reply_to(interaction)
        form = forms.song_form(SongRequest(model=self._model(model), custom=True))
        await interaction.response.send_modal(form)

    @app_commands.command(description="What is left to make songs with")
    async def credits(self, interaction: discord.Interaction) -> None:
        """What the server may spend."""
        guild_id = asking.guild_of(interaction)
        role_ids = asking.role_ids(interaction.user, guild_id)
        found = await self.purse.explain(guild_id, interaction.user.id, role_ids)
        embed = quota_cards.credits_left(found.standing, self.purse.price)
        await interaction.response.send_message(embed=embed, ephemeral=True)

    def _model(self, chosen: str | None) -> str:
        return chosen or self.intake.terms.models[0]
