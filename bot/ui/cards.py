"""Render jobs and songs: pure functions from the model to embeds and sentences."""

import re
from dataclasses import replace
from typing import Final, assert_never
from urllib.parse import urlsplit

import discord
from discord.utils import format_dt

from bot.characters import is_blank
from bot.model import FailReason, Job, JobState, SongRequest
from bot.music.wire import is_usable
from bot.pipeline.courier import CardFacts
from bot.services.songs import Copy
from bot.store.history import SongChoice, SongPage
from bot.ui import messages
from bot.ui.discord_limits import CHOICE_MAX, CONTENT_MAX, EMBED_URL_MAX
from bot.ui.fitted_embed import FittedEmbed
from bot.ui.language import Language
from bot.ui.text import cut, label, line

TITLE_MAX: Final = 80
"""Characters of a song's name that are shown."""
PROMPT_MAX: Final = 300
"""Characters of a style or a prompt that are shown."""
LENGTH_MAX_S: Final = 3_600
"""Length of a take in seconds that is believed; the music service may say anything."""
COLOR_WORKING: Final = discord.Color(0x5865F2)
ORDINARY_URL: Final = re.compile(r"https://[\w.-]+(:\d+)?/[\w!$%&'()*+,./:;=?@~-]*", re.ASCII)
"""An address that Discord accepts; it refuses the whole message for another one."""
LOCAL_NAMES: Final = frozenset({"local", "localhost", "internal", "lan", "home", "arpa"})
"""Ends of host names that lead nowhere from outside."""
COLOR_DONE: Final = discord.Color(0x2EB67D)
COLOR_FAILED: Final = discord.Color(0xE0564A)
WORD_MAX: Final = 50
"""Characters of a search word."""
STATUS_MAX: Final = 10
"""Songs in one answer, which may have 6,000 characters in total."""
PHASES: Final = ("queued", "composing", "mixing", "posted")


def title_of(say: Language, request: SongRequest) -> str:
    """Return the song's title, or the beginning of its prompt; escape it before it is shown."""
    prompt = cut(" ".join(request.prompt.split()), TITLE_MAX)
    # A name without visible characters is no name.
    names = [text for text in (request.title, prompt) if not is_blank(text)]
    return names[0] if names else say("song-untitled")


def name_of(say: Language, job: Job) -> str:
    """Return the title of a finished song: the member's, or else the service's; escape it before it is shown.

    The service makes its titles from the texts, so they are not shown once an author has taken theirs back.
    """
    given = next((take.title for take in job.takes if not is_blank(take.title)), "")
    return given if given and job.words_whole and is_blank(job.request.title) else title_of(say, job.request)


def card(say: Language, job: Job, facts: CardFacts) -> discord.Embed:
    """Return the public answer to a request: what it asks for, its state, its price and what is left."""
    embed = FittedEmbed(
        title=f"🎵 {line(title_of(say, job.request), TITLE_MAX)}",
        description="\n\n".join(
            filter(None, [_quote(say, job), _phases(say, job), _progress(say, job, facts)])
        ),
        color=_color(job),
    )
    embed.add_field(name=say("card-price"), value=_price(say, job))
    standing = facts.standing
    whose = "card-left-of-limit" if standing.limit_is_tightest else "card-left-in-server"
    embed.add_field(name=say(whose), value=messages.credits_(say, standing.left))
    if job.open and job.state is not JobState.FAILED:
        embed.add_field(name=say("card-expected"), value=expected(say, facts))
    embed.set_footer(text=_made_with(say, job.request))
    return embed


def card_line(say: Language, job: Job) -> str:
    """Return the card on one line, for members who see no embeds and for notifications."""
    title = line(title_of(say, job.request), TITLE_MAX)
    match job.state:
        case JobState.FAILED | JobState.EXPLAINED:
            return say("notice-title", title=title)
        case JobState.QUEUED | JobState.SUBMITTING:
            phase = "queued"
        case JobState.RUNNING:
            phase = "composing"
        case JobState.READY | JobState.STORED | JobState.DELIVERING:
            phase = "mixing"
        case JobState.UNDELIVERED:
            return f"🎵 {title} · {say('state-undelivered')}"
        case JobState.DELIVERED:
            phase = "posted"
        case _:
            assert_never(job.state)
    return f"🎵 {title} · {say(f'phase-{phase}')}"


def _quote(say: Language, job: Job, name: str | None = None) -> str:
    """Quote the style, or a prompt that says more than the title ``name``."""
    name = title_of(say, job.request) if name is None else name
    text = job.request.style if job.request.custom else job.request.prompt
    return "" if name == text or not text else f"> {line(text, PROMPT_MAX)}"


def _phases(say: Language, job: Job) -> str:
    """Return the phases of a job on one line, with the current one marked."""
    match job.state:
        case JobState.QUEUED | JobState.SUBMITTING:
            now = 0
        case JobState.RUNNING:
            now = 1
        case JobState.READY:
            now = 2
        case JobState.STORED | JobState.DELIVERING | JobState.UNDELIVERED:
            now = 3
        case JobState.DELIVERED:
            now = 4
        case JobState.FAILED | JobState.EXPLAINED:
            return ""
        case _:
            assert_never(job.state)
    marks = ["🟢" if index < now else "🔵" if index == now else "⚪" for index in range(len(PHASES))]
    return "  ".join(f"{mark} {say(f'phase-{name}')}" for mark, name in zip(marks, PHASES, strict=True))


def _progress(say: Language, job: Job, facts: CardFacts) -> str:
    """Return the state, and how long the member has waited, which Discord keeps counting."""
    sentence = state(say, job, facts)
    done = job.state in (JobState.DELIVERED, JobState.FAILED, JobState.EXPLAINED)
    return sentence if done else f"{sentence}\n{say('card-asked', when=format_dt(job.created_at, 'R'))}"


def state(say: Language, job: Job, facts: CardFacts) -> str:
    """Return the state of the job in a sentence or two."""
    match job.state:
        case JobState.QUEUED:
            return say("state-queued", ahead=facts.ahead) if facts.ahead else say("state-next")
        case JobState.SUBMITTING:
            return say("state-submitting")
        case JobState.RUNNING | JobState.READY if job.parked:
            return say("state-parked")
        case JobState.RUNNING if facts.slow:
            return say("state-slow")
        case JobState.RUNNING:
            return say("state-composing")
        case JobState.READY:
            return say("state-mixing")
        case JobState.STORED | JobState.DELIVERING:
            return say("state-posting")
        case JobState.DELIVERED:
            return _done(say, job)
        case JobState.UNDELIVERED:
            return say("state-undelivered")
        case JobState.FAILED | JobState.EXPLAINED:
            return say("state-failed", why=messages.failure(say, job))
        case _:
            assert_never(job.state)


def _done(say: Language, job: Job) -> str:
    when = format_dt(job.state_since, "R")
    took = length((job.state_since - job.created_at).total_seconds())
    song_link = link_of(job)
    if song_link is None:
        return say("state-done", when=when, took=took)
    return say("state-done-listen", when=when, took=took, link=song_link)


def link(place: int | str, channel_id: int, message_id: int) -> str:
    """Return the address of a message; ``place`` is its server, or ``@me``."""
    return f"https://discord.com/channels/{place}/{channel_id}/{message_id}"


def link_of(job: Job) -> str | None:
    """Return the address of the job's message, if it has one."""
    if job.message_id is None or job.delivery is None:
        return None
    place = "@me" if job.delivery.direct else job.origin.guild_id
    return link(place, job.delivery.channel_id, job.message_id)


def card_link_of(job: Job) -> str | None:
    """Return the address of the job's card, if that is known."""
    if job.card_message_id is None:
        return None
    return link(job.origin.guild_id, job.origin.channel_id, job.card_message_id)


def _price(say: Language, job: Job) -> str:
    price = messages.credits_(say, job.price_credits)
    released = job.state in (JobState.FAILED, JobState.EXPLAINED)
    return say("card-given-back", price=f"~~{price}~~") if released else price


def expected(say: Language, facts: CardFacts) -> str:
    """Return when the song is expected."""
    if facts.overdue:
        return say("card-any-moment")
    first = format_dt(facts.expected_at, "R")
    if facts.expected_until is None:
        return first
    return say("card-expected-range", **{"from": first, "to": format_dt(facts.expected_until, "R")})


def _color(job: Job) -> discord.Color:
    if job.state in (JobState.FAILED, JobState.EXPLAINED, JobState.UNDELIVERED):
        return COLOR_FAILED
    return COLOR_DONE if job.state is JobState.DELIVERED else COLOR_WORKING


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
    """Return the embed of a finished song."""
    name = name_of(say, job)
    embed = FittedEmbed(
        title=f"🎶 {line(name, TITLE_MAX)}", description=_quote(say, job, name) or None, color=COLOR_DONE
    )
    embed.set_thumbnail(url=_cover_url(job))
    takes = " ".join(filter(None, [say("song-takes", count=len(job.tracks)), _lengths(job)]))
    price = messages.credits_(say, job.price_credits)
    embed.set_footer(text=f"{takes} · {_made_with(say, job.request)} · {price}")
    return embed


def _lengths(job: Job) -> str:
    """Return how long each take is, in their order, as far as the music service says so."""
    details = [job.details_of(track) for track in job.tracks]
    durations_s = [None if take is None else take.duration_s for take in details]
    known = [None if s is None or not 0 < s <= LENGTH_MAX_S else length(s) for s in durations_s]
    return f"({', '.join(text or '?' for text in known)})" if any(known) else ""


def _cover_url(job: Job) -> str | None:
    """Return the address of a cover that Discord may fetch: an ordinary one, on a host with a name."""
    for take in job.takes:
        url = take.image_url
        if (
            len(url) <= EMBED_URL_MAX
            and ORDINARY_URL.fullmatch(url)
            and is_usable(url, "")
            and _has_public_name(url)
        ):
            return url
    return None


def _has_public_name(url: str) -> bool:
    """Return whether a host is named by a domain: no address in numbers, no name of a local network."""
    top = (urlsplit(url).hostname or "").rpartition(".")
    return bool(top[0]) and not top[2].isdecimal() and ":" not in top[2] and top[2] not in LOCAL_NAMES


def without_texts(job: Job) -> Job:
    """Return the job as it can be shown where what was typed, or what the service said, is not accepted."""
    request = replace(job.request, title="", prompt="", style="", lyrics="", avoid="")
    return replace(job, request=request, takes=(), detail="")


def notice(say: Language, job: Job) -> discord.Embed:
    """Return why a request failed."""
    embed = FittedEmbed(
        title=say("notice-title", title=line(title_of(say, job.request), TITLE_MAX)),
        description=messages.failure(say, job),
        color=COLOR_FAILED,
    )
    if job.reason not in (FailReason.REFUSED, FailReason.MODERATED):
        embed.set_footer(text=say("notice-retry"))
    return embed


def first_things(say: Language, price_credits: int) -> discord.Embed:
    """Return what to try first, for somebody who is new to the bot."""
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
        color=COLOR_WORKING,
    )


def in_progress(say: Language, jobs: list[tuple[Job, CardFacts]]) -> discord.Embed:
    """Return the state of each of a member's songs in progress."""
    embed = FittedEmbed(title=say("status-title"), color=COLOR_WORKING)
    if not jobs:
        embed.description = say("status-none")
    for job, facts in jobs[:STATUS_MAX]:
        lines = [_progress(say, job, facts)]
        if not job.parked and job.state is not JobState.FAILED:
            lines.append(f"{say('card-expected')}: {expected(say, facts)}")
        if (card_link := card_link_of(job)) is not None:
            lines.append(say("status-card", link=card_link))
        embed.add_field(
            name=line(title_of(say, job.request), TITLE_MAX), value="\n".join(lines), inline=False
        )
    return embed


def history(say: Language, page: SongPage, word: str) -> discord.Embed:
    """Return one page of a member's songs, newest first."""
    lines = [_history_line(say, job) for job in page.songs]
    if lines:
        lines.append(f"\n{say('history-hint')}")
    return FittedEmbed(
        title=say("history-found", word=line(word, WORD_MAX)) if word else say("history-title"),
        description="\n".join(lines) or say("history-not-found" if word else "history-none"),
        color=COLOR_DONE,
    )


def _history_line(say: Language, job: Job) -> str:
    """Return one song of the history on one line."""
    title = line(title_of(say, job.request), TITLE_MAX) if job.request.model else say("song-without-text")
    parts = [f"{format_dt(job.created_at, 'd')} **{title}**", job.request.model]
    song_link = link_of(job)
    parts += [] if song_link is None else [say("history-listen", link=song_link)]
    return " · ".join(filter(None, parts))


def copied(say: Language, how: str, place: int | str, copy: Copy) -> str:
    """Return where a copy of a song is (``how`` is ``sent`` or ``reposted``), and whether it is complete."""
    # Posted for the same interaction and deleted since: only the channel is left to link to.
    message = "" if copy.message_id is None else f"/{copy.message_id}"
    sentences = [say(how, link=f"https://discord.com/channels/{place}/{copy.channel_id}{message}")]
    if copy.missing:
        sentences.append(say("takes-gone", count=copy.missing))
    return " ".join(sentences)


def choice(say: Language, song: SongChoice) -> str:
    """Return the label of a song in an autocompletion, which Discord shows as plain text."""
    return f"{song.at:%Y-%m-%d} · {label(song.song, CHOICE_MAX) or say('song-untitled')}"


def summary(embed: discord.Embed) -> str:
    """Return an embed on one line, for members who see no embeds and for screen readers."""
    first = (embed.description or "").partition("\n")[0]
    first = first or ", ".join(str(field.name) for field in embed.fields)
    return cut(": ".join(filter(None, [embed.title, first])), CONTENT_MAX)
