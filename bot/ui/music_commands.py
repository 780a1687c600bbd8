"""``/music``: members request songs and find them again."""

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Final

import discord
from discord import app_commands

from bot.characters import storable
from bot.discord_limits import CHOICE_MAX, CHOICES_MAX
from bot.model import DURATION_MAX_S, DURATION_MIN_S, DiscordUserId, SongRequest, Voice
from bot.music.backends import limits_of
from bot.refusals import TextTooLong, UnknownModel
from bot.store.history import Choices
from bot.ui import (
    autocompletion,
    best_songs,
    cards,
    forms,
    interaction_context,
    lyrics_writing,
    managers,
    quota_cards,
    responses,
)
from bot.ui.autocompletion import SongOffer
from bot.ui.buttons.best_pages import best_pages_view
from bot.ui.buttons.song_pages import read_pages, song_pages_view
from bot.ui.command_mentions import clickable
from bot.ui.dependencies import Services
from bot.ui.language import Language, described
from bot.ui.text import label

VOICES: Final = [
    app_commands.Choice(name=described("choice-any-voice"), value="any"),
    *(app_commands.Choice(name=described(f"choice-{voice}"), value=voice.value) for voice in Voice),
]


ABOUT_MAX: Final = 200
"""Maximum length of a description of wanted lyrics, in characters; the music service may accept fewer."""


class PromptText(app_commands.Transformer):
    """A prompt whose limit Discord shows during typing; intake checks the text anyway."""

    @property
    def min_value(self) -> int:
        """Return the minimum length in characters."""
        return 1

    @property
    def max_value(self) -> int:
        """Return the maximum length in characters."""
        return limits_of("").prompt

    async def transform(self, interaction: discord.Interaction, value: Any, /) -> str:  # noqa: ANN401, ARG002
        """Return the text as typed, whatever its length, so that a refusal can keep it."""
        return str(value)


class AvoidText(PromptText):
    """Styles for a song to avoid."""

    @property
    def max_value(self) -> int:
        """Return the maximum length in characters."""
        return limits_of("").avoid


class AboutText(PromptText):
    """Subject of lyrics to be written."""

    @property
    def max_value(self) -> int:
        """Return the maximum length in characters."""
        return ABOUT_MAX


Prompt = app_commands.Transform[str, PromptText]
About = app_commands.Transform[str, AboutText]
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
        self.services = services
        self.intake = services.intake
        self._rules = services.rules
        self.credit_service = services.credits
        self.song_archive = services.song_archive
        self.ratings = services.ratings
        terms = self.intake.terms
        in_prompt = terms.extras and terms.extras_with_prompt
        self._add("create", self._create_with_extras if in_prompt else self._create)
        self._add_custom()

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
        """Request a song with a one-line prompt."""
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
        """Request a song with a one-line prompt and styles to avoid."""
        request = SongRequest(model=self._model(model), prompt=prompt, instrumental=instrumental, avoid=avoid)
        await responses.create(interaction, self.intake, request)

    def _add_custom(self) -> None:
        """Add the command with the options that songs can have in this configuration."""

        async def custom(
            interaction: discord.Interaction,
            model: str | None = None,
            avoid: Avoid = "",
            voice: str | None = None,
            duration: Duration | None = None,
            write_lyrics: About = "",
        ) -> None:
            await self._open_custom(interaction, model, avoid, voice, duration, write_lyrics)

        terms = self.intake.terms
        offered = {
            "model": True,
            "avoid": terms.extras,
            "voice": terms.extras,
            "duration": bool(terms.duration_models),
            "write_lyrics": terms.lyrics is not None,
        }
        signature = inspect.signature(custom)
        # discord.py reads a command's options from its function's signature.
        custom.__signature__ = signature.replace(  # type: ignore[attr-defined] # inspect documents it
            parameters=[one for name, one in signature.parameters.items() if offered.get(name, True)]
        )
        self._add("custom", custom)
        command = self.get_command("custom")
        assert isinstance(command, app_commands.Command)  # noqa: S101 - it has just been added
        texts = {name: described(f"option-{name.replace('_', '-')}") for name in offered if offered[name]}
        app_commands.describe(**texts)(command)
        if terms.extras:
            app_commands.choices(voice=VOICES)(command)

    async def _open_custom(
        self,
        interaction: discord.Interaction,
        model: str | None,
        avoid: str = "",
        voice: str | None = None,
        duration_s: int | None = None,
        about: str = "",
    ) -> None:
        """Open the form for these options, or have lyrics written for it first."""
        request = SongRequest(
            model=self._model(model),
            custom=True,
            avoid=avoid,
            voice=None if voice in (None, "any") else Voice(voice),
            duration_s=duration_s,
        )
        if about:
            await self._require_form(interaction, request)
            await lyrics_writing.write(interaction, self.services, about, request)
            return
        await self._open_form(interaction, request)

    async def _open_form(self, interaction: discord.Interaction, request: SongRequest) -> None:
        interaction_context.require_can_post(interaction)
        await self._require_form(interaction, request)
        draft = None
        if request.avoid or request.voice is not None or request.duration_s is not None:
            draft = await self.intake.keep_draft(request, DiscordUserId(interaction.user.id))
        form = forms.song_form(interaction_context.private(interaction), request, draft=draft)
        await interaction.response.send_modal(form)

    async def _require_form(self, interaction: discord.Interaction, request: SongRequest) -> None:
        """Check that this request can have a form in this channel.

        Raises:
            Refusal: it can't.
        """
        if request.model not in self.intake.terms.models:  # the form stores its model by name
            raise UnknownModel(self.intake.terms.models)
        self.intake.terms.require_options(request)
        await self.intake.require_song_channel(interaction_context.origin(interaction))
        avoid_max = limits_of(request.model).avoid
        if len(request.avoid) > avoid_max:  # the form has no field to shorten it in
            raise TextTooLong("avoid", len(request.avoid), avoid_max)

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
        """Show the newest page; buttons lead to the others.

        A long search shows early results first.
        """
        say, word = interaction_context.private(interaction), storable(search)
        pages = read_pages(self.song_archive, interaction, word)
        page = await anext(pages)
        if page.read_to is not None:
            embed = cards.history(say, page, word, searching=True)
            await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)
            async for result in pages:
                page = result
        embed, view = cards.history(say, page, word), song_pages_view(say, page, word)
        if interaction.response.is_done():
            await interaction.edit_original_response(content=cards.summary(embed), embed=embed, view=view)
        else:
            await interaction.response.send_message(
                cards.summary(embed), embed=embed, view=view, ephemeral=True
            )

    @app_commands.command(description=described("command-music-get"))
    @app_commands.describe(song=described("option-song"))
    async def get(self, interaction: discord.Interaction, song: str) -> None:
        """Post a copy of a song; defer, since this may exceed Discord's deadline."""
        interaction_context.require_can_post(interaction)
        origin = interaction_context.origin(interaction)
        typed = await self._chosen(interaction, storable(song))

        async def defer() -> None:
            if not interaction.response.is_done():
                await interaction.response.defer(ephemeral=True, thinking=True)

        job = await self.song_archive.find(origin.guild_id, origin.member_id, typed, defer)
        await defer()
        copy = await self.song_archive.post(
            job, origin.channel_id, origin.interaction_id, origin.guild_locale
        )
        text = cards.copied(interaction_context.private(interaction), "reposted", origin.guild_id, copy)
        await interaction.edit_original_response(content=text)

    @get.autocomplete("song")
    async def _songs(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await autocompletion.answer(interaction, self._song_choices(interaction, storable(typed)))

    async def _song_choices(
        self, interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        """Return the newest matching songs, and a search if there may be older ones."""
        say = interaction_context.private(interaction)
        choices = await self._choices(interaction, typed, CHOICES_MAX)
        offered = autocompletion.choices(_offered(say, choices))
        if choices.unread and typed.strip() and len(typed) <= CHOICE_MAX and len(offered) < CHOICES_MAX:
            name = label(say("song-search-older", word=typed), CHOICE_MAX)
            offered.append(app_commands.Choice(name=name, value=typed))
        return offered

    async def _choices(self, interaction: discord.Interaction, typed: str, limit: int) -> Choices:
        guild_id, member_id = interaction_context.guild_of(interaction), DiscordUserId(interaction.user.id)
        return await self.song_archive.choices(guild_id, member_id, typed, limit)

    async def _offers(self, interaction: discord.Interaction, typed: str, limit: int) -> list[SongOffer]:
        say = interaction_context.private(interaction)
        return _offered(say, await self._choices(interaction, typed, limit))

    async def _chosen(self, interaction: discord.Interaction, typed: str) -> str:
        """Return the id of the song chosen or typed as a label, or else the typed text."""
        job_id = autocompletion.job_id_of(typed)
        if job_id is None:
            job_id = await autocompletion.chosen(typed, functools.partial(self._offers, interaction))
        return typed if job_id is None else str(job_id)

    # -- reading

    @app_commands.command(description=described("command-music-top"))
    @app_commands.describe(post=described("option-top-post"))
    async def top(self, interaction: discord.Interaction, post: bool = False) -> None:
        """Show the member the server's best songs, or let a manager post the first page."""
        guild_id = interaction_context.guild_of(interaction)
        if post:
            guild_id = await managers.managed_guild(interaction, self._rules)
        say = (interaction_context.public if post else interaction_context.private)(interaction)
        best = await self.ratings.best(guild_id)
        embed = best_songs.page(say, best)
        # Anybody who turned the page of a public post would turn it for everybody.
        view = discord.utils.MISSING if post else best_pages_view(say, best)
        await interaction.response.send_message(
            best_songs.summary(say, best), embed=embed, view=view, ephemeral=not post
        )

    @app_commands.command(description=described("command-music-credits"))
    async def credits(self, interaction: discord.Interaction) -> None:
        """Show the member's spendable credits."""
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
        """Show first steps."""
        embed = cards.first_things(interaction_context.private(interaction), self.intake.terms.price_credits)
        embed.description = clickable(interaction.client, embed.description or "")
        await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)


def _offered(say: Language, choices: Choices) -> list[SongOffer]:
    return [SongOffer(job_id=song.job_id, label=cards.choice(say, song)) for song in choices.songs]
