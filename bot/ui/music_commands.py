"""``/music``: what members use to ask for songs."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import discord
from discord import app_commands

from bot.errors import TextTooLong
from bot.model import SongRequest, Voice, storable
from bot.music.text_limits import limits_of
from bot.ui import cards, forms, interaction_context, music_buttons, quota_cards, responses
from bot.ui.dependencies import Services
from bot.ui.language import described

PROMPT_MAX: Final = 500
VOICES: Final = [
    app_commands.Choice(name=described("choice-any-voice"), value="any"),
    *(app_commands.Choice(name=described(f"choice-{voice}"), value=voice.value) for voice in Voice),
]


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


class AvoidText(PromptText):
    """What is not to be in a song."""

    @property
    def max_value(self) -> int:
        """The most characters."""
        return limits_of("").avoid


Prompt = app_commands.Transform[str, PromptText]
Word = app_commands.Range[str, 1, cards.WORD_MAX]
Avoid = app_commands.Transform[str, AvoidText]


class Music(
    app_commands.Group,
    name="music",
    description=described("command-music"),
    guild_only=True,
):
    """The commands of members."""

    def __init__(self, services: Services) -> None:
        super().__init__(allowed_installs=app_commands.AppInstallationType(guild=True, user=False))
        self.intake = services.intake
        self.credit_service = services.credits
        self.song_archive = services.song_archive
        extras = self.intake.terms.extras
        self._add("create", self._create_with_extras if extras else self._create)
        self._add("custom", self._custom_with_extras if extras else self._custom)

    def _add(self, name: str, callback: Callable[..., Coroutine[Any, Any, None]]) -> None:
        models = [app_commands.Choice(name=model, value=model) for model in self.intake.terms.models]
        command: app_commands.Command[Music, ..., None] = app_commands.Command(
            name=name, description=described(f"command-music-{name}"), callback=callback
        )
        self.add_command(app_commands.choices(model=models)(command))

    # -- asking for a song; the model's extras are options where the operator allows them

    @app_commands.describe(
        prompt=described("option-prompt"),
        instrumental=described("option-instrumental"),
        model=described("option-model"),
    )
    async def _create(
        self,
        interaction: discord.Interaction,
        prompt: Prompt,
        instrumental: bool = False,
        model: str | None = None,
    ) -> None:
        """A song from one line."""
        request = SongRequest(model=self._model(model), prompt=prompt, instrumental=instrumental)
        await responses.promise(interaction, self.intake, request)

    @app_commands.describe(
        prompt=described("option-prompt"),
        instrumental=described("option-instrumental"),
        model=described("option-model"),
        avoid=described("option-avoid"),
    )
    async def _create_with_extras(
        self,
        interaction: discord.Interaction,
        prompt: Prompt,
        instrumental: bool = False,
        model: str | None = None,
        avoid: Avoid = "",
    ) -> None:
        """A song from one line, and what is not to be in it."""
        request = SongRequest(model=self._model(model), prompt=prompt, instrumental=instrumental, avoid=avoid)
        await responses.promise(interaction, self.intake, request)

    @app_commands.describe(model=described("option-model"))
    async def _custom(self, interaction: discord.Interaction, model: str | None = None) -> None:
        """Opens the form; what is sent with it comes to ``answers.submitted``."""
        await self._open_form(interaction, SongRequest(model=self._model(model), custom=True))

    @app_commands.describe(
        model=described("option-model"), avoid=described("option-avoid"), voice=described("option-voice")
    )
    @app_commands.choices(voice=VOICES)
    async def _custom_with_extras(
        self,
        interaction: discord.Interaction,
        model: str | None = None,
        avoid: Avoid = "",
        voice: str | None = None,
    ) -> None:
        """Opens the form; what it has no field for waits in a draft."""
        wanted = None if voice in (None, "any") else Voice(voice)
        request = SongRequest(model=self._model(model), custom=True, avoid=avoid, voice=wanted)
        await self._open_form(interaction, request)

    async def _open_form(self, interaction: discord.Interaction, request: SongRequest) -> None:
        interaction_context.origin(interaction)
        most = limits_of(request.model).avoid
        if len(request.avoid) > most:  # the form has no field in which it could be shortened
            raise TextTooLong("avoid", len(request.avoid), most)
        draft = None
        if request.avoid or request.voice is not None:
            draft = await self.intake.keep_draft(request, interaction.user.id)
        form = forms.song_form(interaction_context.private(interaction), request, draft=draft)
        await interaction.response.send_modal(form)

    def _model(self, chosen: str | None) -> str:
        return chosen or self.intake.terms.models[0]

    # -- earlier songs

    @app_commands.command(description=described("command-music-status"))
    async def status(self, interaction: discord.Interaction) -> None:
        """How the member's songs stand that are not done."""
        found = await self.song_archive.open_jobs(
            interaction_context.guild_of(interaction), interaction.user.id
        )
        embed = cards.in_the_making(interaction_context.private(interaction), found)
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(description=described("command-music-history"))
    @app_commands.describe(search=described("option-search"))
    async def history(self, interaction: discord.Interaction, search: Word = "") -> None:
        """The newest page; buttons turn to the others."""
        say, word = interaction_context.private(interaction), storable(search)
        page = await music_buttons.page(self.song_archive, interaction, word)
        view = music_buttons.turn(say, page, word)
        await interaction.response.send_message(
            embed=cards.history(say, page, word), view=view, ephemeral=True
        )

    @app_commands.command(description=described("command-music-get"))
    @app_commands.describe(song=described("option-song"))
    async def get(self, interaction: discord.Interaction, song: str) -> None:
        """Fetching may take longer than an answer may: it is promised first."""
        asked = interaction_context.origin(interaction)
        job = await self.song_archive.find(asked.guild_id, asked.member_id, song)
        await interaction.response.defer(ephemeral=True, thinking=True)
        copy = await self.song_archive.post(job, asked.channel_id, interaction.id, asked.guild_locale)
        said = cards.copied(interaction_context.private(interaction), "reposted", asked.guild_id, copy)
        await interaction.edit_original_response(content=said)

    @get.autocomplete("song")
    async def _songs(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        say, guild_id = interaction_context.private(interaction), interaction_context.guild_of(interaction)
        found = await self.song_archive.choices(guild_id, interaction.user.id, typed)
        return [app_commands.Choice(name=cards.choice(say, one), value=str(one.job_id)) for one in found]

    # -- reading

    @app_commands.command(description=described("command-music-credits"))
    async def credits(self, interaction: discord.Interaction) -> None:
        """What the server may spend."""
        guild_id = interaction_context.guild_of(interaction)
        role_ids = interaction_context.role_ids(interaction.user, guild_id)
        found = await self.credit_service.explain(guild_id, interaction.user.id, role_ids)
        embed = quota_cards.credits_left(
            interaction_context.private(interaction), found.standing, self.credit_service.price
        )
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(description=described("command-music-help"))
    async def help(self, interaction: discord.Interaction) -> None:
        """The first three things to try."""
        embed = cards.first_things(interaction_context.private(interaction), self.intake.terms.price_credits)
        await interaction.response.send_message(embed=embed, ephemeral=True)
