"""``/music``: what members use to request songs and to find them again."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Final

import discord
from discord import app_commands

from bot.errors import TextTooLong, UnknownModel
from bot.model import DURATION_MAX_S, DURATION_MIN_S, DiscordUserId, SongRequest, Voice, storable
from bot.music.backends import limits_of
from bot.ui import autocompletion, best_songs, cards, forms, interaction_context, quota_cards, responses
from bot.ui.autocompletion import Offer
from bot.ui.buttons.best_pages import best_pages_view
from bot.ui.buttons.song_pages import read_page, song_pages_view
from bot.ui.command_mentions import clickable
from bot.ui.dependencies import Services
from bot.ui.discord_limits import CHOICES_MAX
from bot.ui.language import described

VOICES: Final = [
    app_commands.Choice(name=described("choice-any-voice"), value="any"),
    *(app_commands.Choice(name=described(f"choice-{voice}"), value=voice.value) for voice in Voice),
]


class PromptText(app_commands.Transformer):
    """A prompt whose limit Discord shows while it is typed; intake checks what arrives anyway."""

    @property
    def min_value(self) -> int:
        """Return the minimum number of characters."""
        return 1

    @property
    def max_value(self) -> int:
        """Return the maximum number of characters."""
        return limits_of("").prompt

    async def transform(self, interaction: discord.Interaction, value: Any, /) -> str:  # noqa: ANN401, ARG002
        """Return the text as typed, whatever its length, so that a refusal can keep it."""
        return str(value)


class AvoidText(PromptText):
    """Styles that a song should avoid."""

    @property
    def max_value(self) -> int:
        """Return the maximum number of characters."""
        return limits_of("").avoid


Prompt = app_commands.Transform[str, PromptText]
Word = app_commands.Range[str, 1, cards.WORD_MAX]
Avoid = app_commands.Transform[str, AvoidText]
Duration = app_commands.Range[int, DURATION_MIN_S, DURATION_MAX_S]


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
        self.ratings = services.ratings
        terms = self.intake.terms
        in_prompt = terms.extras and terms.extras_with_prompt
        self._add("create", self._create_with_extras if in_prompt else self._create)
        custom = {
            (False, False): self._custom,
            (True, False): self._custom_with_extras,
            (False, True): self._custom_with_duration,
            (True, True): self._custom_with_all,
        }
        self._add("custom", custom[terms.extras, bool(terms.duration_models)])

    def _add(self, name: str, callback: Callable[..., Coroutine[Any, Any, None]]) -> None:
        models = [app_commands.Choice(name=model, value=model) for model in self.intake.terms.models]
        command: app_commands.Command[Music, ..., None] = app_commands.Command(
            name=name, description=described(f"command-music-{name}"), callback=callback
        )
        self.add_command(app_commands.choices(model=models)(command))

    # -- requesting a song; the model's extras are options if the operator allows them, its length if the
    #    service accepts one

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
        """Request a song from one line."""
        request = SongRequest(model=self._model(model), prompt=prompt, instrumental=instrumental)
        await responses.create(interaction, self.intake, request)

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
        """Request a song from one line, and name what it should avoid."""
        request = SongRequest(model=self._model(model), prompt=prompt, instrumental=instrumental, avoid=avoid)
        await responses.create(interaction, self.intake, request)

    @app_commands.describe(model=described("option-model"))
    async def _custom(self, interaction: discord.Interaction, model: str | None = None) -> None:
        """Open the form; ``responses.submitted`` handles what comes back."""
        await self._open_custom(interaction, model)

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
        """Open the form; a draft keeps the options for which it has no field."""
        await self._open_custom(interaction, model, avoid, voice)

    @app_commands.describe(model=described("option-model"), duration=described("option-duration"))
    async def _custom_with_duration(
        self, interaction: discord.Interaction, model: str | None = None, duration: Duration | None = None
    ) -> None:
        """Open the form, for a song of this length in seconds."""
        await self._open_custom(interaction, model, duration_s=duration)

    @app_commands.describe(
        model=described("option-model"),
        avoid=described("option-avoid"),
        voice=described("option-voice"),
        duration=described("option-duration"),
    )
    @app_commands.choices(voice=VOICES)
    async def _custom_with_all(
        self,
        interaction: discord.Interaction,
        model: str | None = None,
        avoid: Avoid = "",
        voice: str | None = None,
        duration: Duration | None = None,
    ) -> None:
        """Open the form, with everything that can be chosen besides it."""
        await self._open_custom(interaction, model, avoid, voice, duration)

    async def _open_custom(
        self,
        interaction: discord.Interaction,
        model: str | None,
        avoid: str = "",
        voice: str | None = None,
        duration_s: int | None = None,
    ) -> None:
        """Open the form for these options."""
        request = SongRequest(
            model=self._model(model),
            custom=True,
            avoid=avoid,
            voice=None if voice in (None, "any") else Voice(voice),
            duration_s=duration_s,
        )
        await self._open_form(interaction, request)

    async def _open_form(self, interaction: discord.Interaction, request: SongRequest) -> None:
        interaction_context.require_can_post(interaction)
        if request.model not in self.intake.terms.models:  # the form is remembered by the name of its model
            raise UnknownModel(self.intake.terms.models)
        self.intake.require_options(request)
        await self.intake.require_song_channel(interaction_context.origin(interaction))
        avoid_max = limits_of(request.model).avoid
        if len(request.avoid) > avoid_max:  # the form has no field in which it could be shortened
            raise TextTooLong("avoid", len(request.avoid), avoid_max)
        draft = None
        if request.avoid or request.voice is not None or request.duration_s is not None:
            draft = await self.intake.keep_draft(request, DiscordUserId(interaction.user.id))
        form = forms.song_form(interaction_context.private(interaction), request, draft=draft)
        await interaction.response.send_modal(form)

    def _model(self, chosen: str | None) -> str:
        return self.intake.terms.models[0] if chosen is None else chosen

    # -- earlier songs

    @app_commands.command(description=described("command-music-status"))
    async def status(self, interaction: discord.Interaction) -> None:
        """Show the member's songs in progress."""
        jobs = await self.song_archive.open_jobs(
            interaction_context.guild_of(interaction), DiscordUserId(interaction.user.id)
        )
        embed = cards.in_progress(interaction_context.private(interaction), jobs)
        await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)

    @app_commands.command(description=described("command-music-history"))
    @app_commands.describe(search=described("option-search"))
    async def history(self, interaction: discord.Interaction, search: Word = "") -> None:
        """Show the newest page; buttons lead to the others."""
        say, word = interaction_context.private(interaction), storable(search)
        page = await read_page(self.song_archive, interaction, word)
        embed, view = cards.history(say, page, word), song_pages_view(say, page, word)
        await interaction.response.send_message(cards.summary(embed), embed=embed, view=view, ephemeral=True)

    @app_commands.command(description=described("command-music-get"))
    @app_commands.describe(song=described("option-song"))
    async def get(self, interaction: discord.Interaction, song: str) -> None:
        """Post a copy of a song; fetching it may take longer than an answer may, so defer."""
        interaction_context.require_can_post(interaction)
        origin = interaction_context.origin(interaction)
        job = await self.song_archive.find(
            origin.guild_id, origin.member_id, await self._chosen(interaction, storable(song))
        )
        await interaction.response.defer(ephemeral=True, thinking=True)
        copy = await self.song_archive.post(job, origin.channel_id, interaction.id, origin.guild_locale)
        text = cards.copied(interaction_context.private(interaction), "reposted", origin.guild_id, copy)
        await interaction.edit_original_response(content=text)

    @get.autocomplete("song")
    async def _songs(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        found = self._offers(interaction, storable(typed), CHOICES_MAX)
        return await autocompletion.answer(interaction, autocompletion.songs(found))

    async def _offers(self, interaction: discord.Interaction, typed: str, limit: int) -> list[Offer]:
        say, guild_id = interaction_context.private(interaction), interaction_context.guild_of(interaction)
        songs = await self.song_archive.choices(guild_id, DiscordUserId(interaction.user.id), typed, limit)
        return [Offer(job_id=song.job_id, label=cards.choice(say, song)) for song in songs]

    async def _chosen(self, interaction: discord.Interaction, typed: str) -> str:
        """Return the id of the song that was chosen or whose label was typed, or else what was typed."""
        job_id = autocompletion.job_id_of(typed)
        if job_id is None:
            job_id = await autocompletion.chosen(typed, functools.partial(self._offers, interaction))
        return typed if job_id is None else str(job_id)

    # -- reading

    @app_commands.command(description=described("command-music-top"))
    @app_commands.describe(post=described("option-top-post"))
    async def top(self, interaction: discord.Interaction, post: bool = False) -> None:
        """Show the server's best songs to the member, or the first page to everybody for a manager."""
        guild_of = interaction_context.managed_guild if post else interaction_context.guild_of
        say = (interaction_context.public if post else interaction_context.private)(interaction)
        best = await self.ratings.best(guild_of(interaction))
        embed = best_songs.page(say, best)
        # Whoever turned the page of a post would turn it for everybody.
        view = discord.utils.MISSING if post else best_pages_view(say, best)
        await interaction.response.send_message(
            best_songs.summary(say, best), embed=embed, view=view, ephemeral=not post
        )

    @app_commands.command(description=described("command-music-credits"))
    async def credits(self, interaction: discord.Interaction) -> None:
        """Show what the member can spend."""
        guild_id = interaction_context.guild_of(interaction)
        role_ids = interaction_context.role_ids(interaction.user, guild_id)
        member_id = DiscordUserId(interaction.user.id)
        explanation = await self.credit_service.explain(guild_id, member_id, role_ids)
        embed = quota_cards.credits_left(
            interaction_context.private(interaction), explanation.standing, self.credit_service.price
        )
        await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)

    @app_commands.command(description=described("command-music-help"))
    async def help(self, interaction: discord.Interaction) -> None:
        """Show the first things to try."""
        embed = cards.first_things(interaction_context.private(interaction), self.intake.terms.price_credits)
        embed.description = clickable(interaction.client, embed.description or "")
        await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)
