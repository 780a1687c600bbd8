"""Render jobs and songs: pure functions from the model to embeds and sentences."""

from typing import Final, Literal, assert_never

import discord
from discord.utils import format_dt
from msgspec.structs import replace

from bot.characters import is_blank
from bot.discord_limits import CHOICE_MAX, CONTENT_MAX
from bot.model import ChannelId, FailReason, Job, JobState, MessageId, SongRequest, TakeDetails
from bot.pipeline.courier import CardFacts
from bot.services.songs import Copy
from bot.store.history import SongChoice, SongPage
from bot.store.listed_songs import ListedSong
from bot.ui import messages
from bot.ui.cover_urls import cover_url
from bot.ui.fitted_embed import FittedEmbed
from bot.ui.language import Language
from bot.ui.text import cut, label, line

TITLE_MAX: Final = 80
"""Maximum length of a displayed song name, in characters."""
PROMPT_MAX: Final = 300
"""Maximum length of a displayed style or prompt, in characters."""
LENGTH_MAX_S: Final = 3_600
"""Maximum plausible length of a take, in seconds; the music service may report anything."""
COLOR_WORKING: Final = discord.Color(0x5865F2)
COLOR_DONE: Final = discord.Color(0x2EB67D)
COLOR_FAILED: Final = discord.Color(0xE0564A)
WORD_MAX: Final = 50
"""Maximum length of a search word, in characters."""
STATUS_MAX: Final = 10
"""Maximum number of songs in one answer, which may have 6,000 characters in total."""
BAR_LENGTH: Final = 4
"""Steps of a card's progress bar: waiting, composing, mixing, posting."""


def title_of(say: Language, request: SongRequest) -> str:
    """Return a song's title or the start of its prompt; escape it before display."""
    return _title(say, request.title, request.prompt)


def _title(say: Language, title: str, prompt: str) -> str:
    # A name without visible characters counts as none.
    if not is_blank(title):
        return title
    beginning = cut(" ".join(prompt.split()), TITLE_MAX)
    return say("song-untitled") if is_blank(beginning) else beginning


def listed_name(say: Language, song: ListedSong) -> str:
    """Return the title of a song in a list of everybody's songs, as ``name_of`` does."""
    is_given = bool(song.given_title) and is_blank(song.title)
    return song.given_title if is_given else _title(say, song.title, song.prompt)


def name_of(say: Language, job: Job) -> str:
    """Return a finished song's title, the member's if any; escape it before display.

    The service derives its titles from the texts, so they are hidden once the author has withdrawn theirs.
    """
    title = next((take.title for take in job.takes if not is_blank(take.title)), "")
    return title if title and job.texts_whole and is_blank(job.request.title) else title_of(say, job.request)


def card(say: Language, job: Job, facts: CardFacts) -> discord.Embed | None:
    """Return the part of a card below its line, or None if the line suffices.

    While a song is in progress, that is one bar, the estimate and the position. Once another message reports
    the outcome, the card only links to it.
    """
    match job.state:
        case JobState.DELIVERED | JobState.FAILED:
            return None
        case JobState.EXPLAINED:
            if link_of(job) is not None or job.reason is FailReason.WITHDRAWN:
                return None
            return FittedEmbed(description=messages.failure(say, job), color=COLOR_FAILED)
        case JobState.UNDELIVERED:
            return FittedEmbed(description=say("note-undelivered"), color=COLOR_FAILED)
        case _:
            return _making(say, job, facts)


def _making(say: Language, job: Job, facts: CardFacts) -> discord.Embed:
    """Return a song's progress, ETA and price."""
    estimate = "" if job.parked else f"  {say('card-expected', when=expected(say, facts))}"
    parts = [_quote(say, job), f"{_bar(job)}{estimate}", note(say, job, facts)]
    embed = FittedEmbed(description="\n".join(filter(None, parts)), color=COLOR_WORKING)
    standing = facts.standing
    whose = "card-left-of-limit" if standing.limit_is_tightest else "card-left-in-server"
    price, left = (messages.credits_(say, amount) for amount in (job.price_credits, standing.left))
    embed.set_footer(text=" · ".join([price, say(whose, credits=left), _made_with(say, job.request)]))
    return embed


def card_line(say: Language, job: Job) -> str:
    """Return the first line of a card: the song, its requester, its phase and a link."""
    return " · ".join([_heading(say, job), phase(say, job), *_afterwards(say, job)])


def _heading(say: Language, job: Job) -> str:
    title = line(title_of(say, job.request), TITLE_MAX)
    if not job.origin.member_id:  # erased
        return f"🎵 **{title}**"
    return say("card-for", title=title, member=f"<@{job.origin.member_id}>")


def _afterwards(say: Language, job: Job) -> list[str]:
    """Return a link to the message with a finished job's song or failure."""
    song_link = link_of(job)
    match job.state:
        case JobState.DELIVERED if song_link is not None:
            return [say("card-listen", link=song_link)]
        case JobState.EXPLAINED if job.reason is FailReason.WITHDRAWN and job.price_credits:
            return [say("card-given-back", credits=messages.credits_(say, job.price_credits))]
        case JobState.EXPLAINED if song_link is not None:
            return [say("card-why", link=song_link)]
        case _:
            return []


def phase(say: Language, job: Job) -> str:
    """Return the phase of the job in a word or two."""
    match job.state:
        case JobState.QUEUED | JobState.SUBMITTING:
            return say("phase-queued")
        case JobState.RUNNING:
            return say("phase-composing")
        case JobState.READY:
            return say("phase-mixing")
        case JobState.STORED | JobState.DELIVERING:
            return say("phase-posting")
        case JobState.DELIVERED:
            return say("phase-done")
        case JobState.UNDELIVERED:
            return say("phase-undelivered")
        case JobState.FAILED | JobState.EXPLAINED:
            return say("phase-canceled" if job.reason is FailReason.WITHDRAWN else "phase-failed")
        case _:
            assert_never(job.state)


def _quote(say: Language, job: Job, name: str | None = None) -> str:
    """Quote the style, or the prompt if it says more than the title ``name``."""
    name = title_of(say, job.request) if name is None else name
    text = job.request.style if job.request.custom else job.request.prompt
    return "" if name == text or not text else f"> {line(text, PROMPT_MAX)}"


def _bar(job: Job) -> str:
    """Return an unfinished job's progress as a bar."""
    match job.state:
        case JobState.QUEUED | JobState.SUBMITTING:
            done = 1
        case JobState.RUNNING:
            done = 2
        case JobState.READY:
            done = 3
        case _:
            done = BAR_LENGTH
    return "🟦" * done + "⬜" * (BAR_LENGTH - done)


def note(say: Language, job: Job, facts: CardFacts) -> str:
    """Return an unfinished job's position, or that it is slow."""
    match job.state:
        case JobState.QUEUED:
            return say("note-queued", ahead=facts.ahead) if facts.ahead else say("note-next")
        case JobState.RUNNING | JobState.READY if job.parked:
            return say("note-parked")
        case JobState.RUNNING if facts.slow:
            return say("note-slow")
        case JobState.SUBMITTING | JobState.RUNNING | JobState.READY:
            return say("note-mention")
        case _:
            return ""


def channel_link(place: int | str, channel_id: ChannelId) -> str:
    """Return the address of a channel; ``place`` is its server, or ``@me``."""
    return f"https://discord.com/channels/{place}/{channel_id}"


def link(place: int | str, channel_id: ChannelId, message_id: MessageId) -> str:
    """Return the address of a message; ``place`` is its server, or ``@me``."""
    return f"{channel_link(place, channel_id)}/{message_id}"


def link_of(job: Job) -> str | None:
    """Return the address of the job's message, if it has one."""
    if job.message_id is None or job.delivery is None:
        return None
    place = "@me" if job.delivery.direct else job.origin.guild_id
    return link(place, job.delivery.channel_id, job.message_id)


def listed_link(song: ListedSong) -> str | None:
    """Return the address of the message with a song in a list, if it has one."""
    if song.message_id is None or song.channel_id is None:
        return None
    return link("@me" if song.direct else song.guild_id, song.channel_id, song.message_id)


def card_link_of(job: Job) -> str | None:
    """Return the address of the job's card, if known."""
    if job.card_message_id is None:
        return None
    return link(job.origin.guild_id, job.origin.channel_id, job.card_message_id)


def expected(say: Language, facts: CardFacts) -> str:
    """Return the song's ETA."""
    if facts.overdue:
        return say("card-any-moment")
    first = format_dt(facts.expected_at, "R")
    if facts.expected_until is None:
        return first
    return say("card-expected-range", **{"from": first, "to": format_dt(facts.expected_until, "R")})


def _made_with(say: Language, request: SongRequest) -> str:
    parts = [request.model, say("made-custom" if request.custom else "made-from-prompt")]
    if request.instrumental:
        parts.append(say("made-instrumental"))
    elif request.voice is not None:
        parts.append(say(f"made-{request.voice}"))
    if request.duration_s is not None:
        parts.append(say("made-duration", length=length(request.duration_s)))
    return " · ".join(filter(None, parts))


def length(duration_s: float) -> str:
    """Return a duration as minutes and seconds."""
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes}:{seconds:02}"


def song(say: Language, job: Job) -> discord.Embed:
    """Return the embed of a finished song: its title, style and takes' lengths."""
    name = name_of(say, job)
    lines = [_quote(say, job, name), _takes(say, job)]
    embed = FittedEmbed(
        title=f"🎶 {line(name, TITLE_MAX)}", description="\n".join(filter(None, lines)), color=COLOR_DONE
    )
    embed.set_thumbnail(url=cover_url(job))
    embed.set_footer(text=f"{_made_with(say, job.request)} · {messages.credits_(say, job.price_credits)}")
    return embed


def _takes(say: Language, job: Job) -> str:
    """Return the takes on one line, with any lengths that the music service reports."""
    if not job.tracks:
        return ""
    lengths = [_length_of(job.details_of(track)) for track in job.tracks]
    takes = [
        f"**{say('button-take', number=str(track.take))}**{f' {took}' if took else ''}"
        for track, took in zip(job.tracks, lengths, strict=True)
    ]
    return " · ".join(takes) if len(takes) > 1 else f"{takes[0]} · {say('song-one-take')}"


def _length_of(take: TakeDetails | None) -> str:
    duration_s = None if take is None else take.duration_s
    return "" if duration_s is None or not 0 < duration_s <= LENGTH_MAX_S else length(duration_s)


def without_texts(job: Job) -> Job:
    """Return the job without the member's and the service's texts.

    This is for display where they are refused.
    """
    request = replace(job.request, title="", prompt="", style="", lyrics="", avoid="")
    return replace(job, request=request, takes=(), detail="")


def notice(say: Language, job: Job) -> discord.Embed:
    """Return why a request failed and what to try first."""
    embed = FittedEmbed(
        title=say("notice-title", title=line(title_of(say, job.request), TITLE_MAX)),
        description=messages.failure(say, job),
        color=COLOR_FAILED,
    )
    embed.set_footer(text=say(f"notice-{remedy_of(job)}"))
    return embed


def remedy_of(job: Job) -> Literal["edit", "wait", "retry"]:
    """Return the best first step after a failure: new words, patience, or a retry."""
    match job.reason:
        case FailReason.REFUSED | FailReason.MODERATED:
            return "edit"
        case FailReason.CLOSED:
            return "wait"
        case _:
            return "retry"


def first_things(say: Language, price_credits: int) -> discord.Embed:
    """Return first steps for somebody new to the bot."""
    return FittedEmbed(
        title=say("help-title"),
        description="\n\n".join(
            [
                say("help-create", price=messages.credits_(say, price_credits)),
                say("help-custom"),
                say("help-buttons"),
                say("help-more"),
                say("help-managers"),
            ]
        ),
        color=COLOR_DONE,
    )


def in_progress(say: Language, jobs: list[tuple[Job, CardFacts]]) -> discord.Embed:
    """Return the state of each of a member's songs in progress."""
    embed = FittedEmbed(title=say("status-title"), color=COLOR_WORKING)
    if not jobs:
        embed.description = say("status-none")
    for job, facts in jobs[:STATUS_MAX]:
        lines = [f"**{phase(say, job)}**", note(say, job, facts)]
        if not job.parked and job.state is not JobState.FAILED:
            lines.append(say("card-expected", when=expected(say, facts)))
        if (card_link := card_link_of(job)) is not None:
            lines.append(say("status-card", link=card_link))
        embed.add_field(
            name=line(title_of(say, job.request), TITLE_MAX),
            value="\n".join(filter(None, lines)),
            inline=False,
        )
    return embed


def history(say: Language, page: SongPage, word: str, *, searching: bool = False) -> discord.Embed:
    """Return a page of a member's songs, newest first, even during the search."""
    lines = [_history_line(say, song) for song in page.songs]
    if searching:
        lines.append(say("history-searching"))
    elif page.read_to is not None:
        lines.append(say("history-search-on"))
    elif lines:
        lines.append(f"\n{say('history-hint')}")
    return FittedEmbed(
        title=say("history-found", word=line(word, WORD_MAX)) if word else say("history-title"),
        description="\n".join(lines) or say("history-not-found" if word else "history-none"),
        color=COLOR_DONE,
    )


def _history_line(say: Language, song: ListedSong) -> str:
    """Return one song of the history on one line."""
    title = line(_title(say, song.title, song.prompt), TITLE_MAX) if song.model else say("song-without-text")
    parts = [f"{format_dt(song.created_at, 'd')} **{title}**", song.model]
    song_link = listed_link(song)
    parts += [] if song_link is None else [say("history-listen", link=song_link)]
    return " · ".join(filter(None, parts))


def copied(say: Language, how: str, place: int | str, copy: Copy) -> str:
    """Return where a copy of a song is, and whether it is complete.

    ``how`` is ``sent`` or ``reposted``.
    """
    # Posted for the same interaction and deleted since: only the channel remains to link to.
    message = "" if copy.message_id is None else f"/{copy.message_id}"
    sentences = [say(how, link=f"{channel_link(place, copy.channel_id)}{message}")]
    if copy.missing:
        sentences.append(say("takes-gone", count=copy.missing))
    return " ".join(sentences)


def choice(say: Language, song: SongChoice) -> str:
    """Return a song's label in an autocompletion, which Discord shows as plain text."""
    return f"{song.at:%Y-%m-%d} · {label(song.song, CHOICE_MAX) or say('song-untitled')}"


def summary(embed: discord.Embed) -> str:
    """Return an embed on one line, for screen readers and clients without embeds."""
    first = (embed.description or "").partition("\n")[0]
    first = first or ", ".join(str(field.name) for field in embed.fields)
    return cut(": ".join(filter(None, [embed.title, first])), CONTENT_MAX)
