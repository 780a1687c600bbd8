"""Model → embed and words: pure functions, so that what members see can be read in tests."""

from typing import Final, assert_never

import discord
from discord.utils import format_dt

from bot.model import FailReason, Job, JobState, SongRequest
from bot.pipeline.courier import CardFacts
from bot.services.songs import Copy
from bot.store.history import SongChoice, SongPage
from bot.ui import messages
from bot.ui.discord_limits import CHOICE_MAX
from bot.ui.language import Language
from bot.ui.text import cut, line, plain

TITLE_MAX: Final = 80
PROMPT_MAX: Final = 300
COLOR_WORKING: Final = discord.Color(0x5865F2)
COLOR_DONE: Final = discord.Color(0x2EB67D)
COLOR_FAILED: Final = discord.Color(0xE0564A)
WORD_MAX: Final = 50
STATUS_MAX: Final = 10
"""Songs in one answer, which takes 6,000 characters in all."""
PHASES: Final = ("queued", "composing", "mixing", "posted")


def title_of(say: Language, request: SongRequest) -> str:
    """What the song is called: its title, or the beginning of its prompt; not safe to show as it is."""
    prompt = cut(" ".join(request.prompt.split()), TITLE_MAX)
    # What can't be seen is no name.
    named = [text for text in (request.title, prompt) if plain(text)]
    return named[0] if named else say("song-untitled")


def card(say: Language, job: Job, facts: CardFacts) -> discord.Embed:
    """The public answer to a request: what was asked, how it stands, what it costs and what is left."""
    embed = discord.Embed(
        title=f"🎵 {line(title_of(say, job.request), TITLE_MAX)}",
        description="\n\n".join(
            filter(None, [_asked(say, job), _phases(say, job), _stands(say, job, facts)])
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


def _asked(say: Language, job: Job) -> str:
    """The style, or a prompt that says more than the title, as a quotation."""
    asked = job.request.style if job.request.custom else job.request.prompt
    return "" if title_of(say, job.request) == asked or not asked else f"> {line(asked, PROMPT_MAX)}"


def _phases(say: Language, job: Job) -> str:
    """The way of the job as one line, with the phase it is in."""
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


def _stands(say: Language, job: Job, facts: CardFacts) -> str:
    """The state, and since when the member waits, which Discord keeps counting."""
    stands = state(say, job, facts)
    done = job.state in (JobState.DELIVERED, JobState.FAILED, JobState.EXPLAINED)
    return stands if done else f"{stands}\n{say('card-asked', when=format_dt(job.created_at, 'R'))}"


def state(say: Language, job: Job, facts: CardFacts) -> str:
    """How the job stands, in a sentence or two."""
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
    minutes, seconds = divmod(round((job.state_since - job.created_at).total_seconds()), 60)
    when, took = format_dt(job.state_since, "R"), f"{minutes}:{seconds:02}"
    there = link_of(job)
    if there is None:
        return say("state-done", when=when, took=took)
    return say("state-done-listen", when=when, took=took, link=there)


def link(place: int | str, channel_id: int, message_id: int) -> str:
    """The address of a message; ``place`` is its server, or ``@me``."""
    return f"https://discord.com/channels/{place}/{channel_id}/{message_id}"


def link_of(job: Job) -> str | None:
    """Where the job's message is, if there is one."""
    if job.message_id is None or job.delivery is None:
        return None
    place = "@me" if job.delivery.direct else job.origin.guild_id
    return link(place, job.delivery.channel_id, job.message_id)


def card_link_of(job: Job) -> str | None:
    """Where the job's card is, if that is known."""
    if job.card_message_id is None:
        return None
    return link(job.origin.guild_id, job.origin.channel_id, job.card_message_id)


def _price(say: Language, job: Job) -> str:
    price = messages.credits_(say, job.price_credits)
    gone = job.state in (JobState.FAILED, JobState.EXPLAINED)
    return say("card-given-back", price=f"~~{price}~~") if gone else price


def expected(say: Language, facts: CardFacts) -> str:
    """When the song may be there."""
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
    made = [request.model, say("made-custom" if request.custom else "made-from-prompt")]
    if request.instrumental:
        made.append(say("made-instrumental"))
    elif request.voice is not None:
        made.append(say(f"made-{request.voice}"))
    return " · ".join(filter(None, made))


def song(say: Language, job: Job) -> discord.Embed:
    """What stands above the players of a finished song."""
    embed = discord.Embed(
        title=f"🎶 {line(title_of(say, job.request), TITLE_MAX)}",
        description=_asked(say, job) or None,
        color=COLOR_DONE,
    )
    takes = say("song-takes", count=len(job.tracks))
    price = messages.credits_(say, job.price_credits)
    embed.set_footer(text=f"{takes} · {_made_with(say, job.request)} · {price}")
    return embed


def notice(say: Language, job: Job) -> discord.Embed:
    """Why there is no song."""
    embed = discord.Embed(
        title=say("notice-title", title=line(title_of(say, job.request), TITLE_MAX)),
        description=messages.failure(say, job),
        color=COLOR_FAILED,
    )
    if job.reason not in (FailReason.REFUSED, FailReason.MODERATED):
        embed.set_footer(text=say("notice-retry"))
    return embed


def first_things(say: Language, price_credits: int) -> discord.Embed:
    """What to try first, for somebody who meets the bot."""
    return discord.Embed(
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


def in_progress(say: Language, found: list[tuple[Job, CardFacts]]) -> discord.Embed:
    """How a member's songs stand that are not done."""
    embed = discord.Embed(title=say("status-title"), color=COLOR_WORKING)
    if not found:
        embed.description = say("status-none")
    for job, facts in found[:STATUS_MAX]:
        lines = [_stands(say, job, facts)]
        if not job.parked and job.state is not JobState.FAILED:
            lines.append(f"{say('card-expected')}: {expected(say, facts)}")
        if (card_link := card_link_of(job)) is not None:
            lines.append(say("status-card", link=card_link))
        embed.add_field(
            name=line(title_of(say, job.request), TITLE_MAX), value="\n".join(lines), inline=False
        )
    return embed


def history(say: Language, page: SongPage, word: str) -> discord.Embed:
    """One page of a member's songs, newest first."""
    lines = [_past(say, job) for job in page.songs]
    if lines:
        lines.append(f"\n{say('history-hint')}")
    return discord.Embed(
        title=say("history-found", word=line(word, WORD_MAX)) if word else say("history-title"),
        description="\n".join(lines) or say("history-not-found" if word else "history-none"),
        color=COLOR_DONE,
    )


def _past(say: Language, job: Job) -> str:
    """A song of one's own in one line."""
    title = line(title_of(say, job.request), TITLE_MAX) if job.request.model else say("song-without-words")
    parts = [f"{format_dt(job.created_at, 'd')} **{title}**", job.request.model]
    there = link_of(job)
    parts += [] if there is None else [say("history-listen", link=there)]
    return " · ".join(filter(None, parts))


def copied(say: Language, how: str, place: int | str, copy: Copy) -> str:
    """Where a copy of a song is now: ``sent`` or ``reposted``; and whether all of it is."""
    # Posted for the same wish and deleted since: there is the place, and no message in it.
    message = "" if copy.message_id is None else f"/{copy.message_id}"
    said = [say(how, link=f"https://discord.com/channels/{place}/{copy.channel_id}{message}")]
    if copy.missing:
        said.append(say("takes-gone", count=copy.missing))
    return " ".join(said)


def choice(say: Language, song: SongChoice) -> str:
    """A song in a list to choose from: plain text, as Discord shows it there."""
    return cut(f"{song.at:%Y-%m-%d} · {plain(song.song) or say('song-untitled')}", CHOICE_MAX)
