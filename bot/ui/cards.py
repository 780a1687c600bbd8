"""Model → embed and words: pure functions, so that what members see can be read in tests."""

from typing import Final, assert_never

import discord
from discord.utils import format_dt

from bot.jobs.courier import CardFacts
from bot.model import FailReason, Job, JobState
from bot.ui import words
from bot.ui.text import cut, line

TITLE_MAX: Final = 80
PROMPT_MAX: Final = 300
COLOR_WORKING: Final = discord.Color(0x5865F2)
COLOR_DONE: Final = discord.Color(0x2EB67D)
COLOR_FAILED: Final = discord.Color(0xE0564A)
PHASES: Final = ("Queued", "Composing", "Mixing", "Posted")


def title_of(job: Job) -> str:
    """What the song is called: its title, or the beginning of its prompt; not safe to show as it is."""
    return job.request.title or cut(" ".join(job.request.prompt.split()), TITLE_MAX) or "Song"


def card(job: Job, facts: CardFacts) -> discord.Embed:
    """The public answer to a request: what was asked, how it stands, what it costs and what is left."""
    embed = discord.Embed(
        title=f"🎵 {line(title_of(job), TITLE_MAX)}",
        description="\n\n".join(filter(None, [_asked(job), _phases(job), _state(job, facts)])),
        color=_color(job),
    )
    embed.add_field(name="Price", value=_price(job))
    standing = facts.standing
    whose = "Left of their limit" if standing.limit_is_tightest else "Left in this server"
    embed.add_field(name=whose, value=words.credits_(standing.left))
    if job.open and job.state is not JobState.FAILED:
        embed.add_field(name="Expected", value=_expected(facts))
    embed.set_footer(text=_made_with(job))
    return embed


def _asked(job: Job) -> str:
    """The style, or a prompt that says more than the title, as a quotation."""
    asked = job.request.style if job.request.custom else job.request.prompt
    return "" if title_of(job) == asked else f"> {line(asked, PROMPT_MAX)}"


def _phases(job: Job) -> str:
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
    return "  ".join(f"{mark} {name}" for mark, name in zip(marks, PHASES, strict=True))


def _state(job: Job, facts: CardFacts) -> str:
    match job.state:
        case JobState.QUEUED:
            return (
                f"**In the queue**: {_ahead(facts.ahead)}."
                if facts.ahead
                else "**In the queue**: yours is next."
            )
        case JobState.SUBMITTING:
            return "**Handing it over** to the music service."
        case JobState.RUNNING if job.parked:
            return "**Still not done.** This song takes far too long; the operator has been told."
        case JobState.RUNNING if facts.slow:
            return "**Composing**, slower than usual. It is not lost: I keep asking, and will mention you."
        case JobState.RUNNING:
            return "**Composing.** I will mention you when it is done."
        case JobState.READY:
            return "**Mixing**: the song is made, and its audio is on the way."
        case JobState.STORED | JobState.DELIVERING:
            return "**Posting** the song."
        case JobState.DELIVERED:
            return f"**Done** {format_dt(job.state_since, 'R')}.{_link(job)}"
        case JobState.UNDELIVERED:
            return (
                "**Made, but I could not post it.** The song is kept for some days: "
                "let me see and post in this channel, then press “Post again”."
            )
        case JobState.FAILED | JobState.EXPLAINED:
            return f"**No song this time.** {words.failure(job)}"
        case _:
            assert_never(job.state)


def _ahead(count: int) -> str:
    return "1 song comes first" if count == 1 else f"{count} songs come first"


def _link(job: Job) -> str:
    if job.message_id is None or job.delivery is None:
        return ""
    place = "@me" if job.delivery.direct else job.reply_to.guild_id
    return f" [Listen](https://discord.com/channels/{place}/{job.delivery.channel_id}/{job.message_id})"


def _price(job: Job) -> str:
    gone = job.state in (JobState.FAILED, JobState.EXPLAINED)
    return (
        f"~~{words.credits_(job.price_credits)}~~ given back" if gone else words.credits_(job.price_credits)
    )


def _expected(facts: CardFacts) -> str:
    if facts.expected_at is None:
        return "soon"
    if facts.expected_until is None:
        return format_dt(facts.expected_at, "R")
    return f"{format_dt(facts.expected_at, 'R')} to {format_dt(facts.expected_until, 'R')}"


def _color(job: Job) -> discord.Color:
    if job.state in (JobState.FAILED, JobState.EXPLAINED, JobState.UNDELIVERED):
        return COLOR_FAILED
    return COLOR_DONE if job.state is JobState.DELIVERED else COLOR_WORKING


def _made_with(job: Job) -> str:
    kind = "custom" if job.request.custom else "from a prompt"
    return " · ".join([job.request.model, kind, *(["instrumental"] if job.request.instrumental else [])])


def song(job: Job) -> discord.Embed:
    """What stands above the players of a finished song."""
    embed = discord.Embed(
        title=f"🎶 {line(title_of(job), TITLE_MAX)}", description=_asked(job) or None, color=COLOR_DONE
    )
    takes = "1 take" if len(job.tracks) == 1 else f"{len(job.tracks)} takes"
    note = "" if len(job.tracks) > 1 else " (the music service made only one)"
    embed.set_footer(text=f"{takes}{note} · {_made_with(job)} · {words.credits_(job.price_credits)}")
    return embed


def notice(job: Job) -> discord.Embed:
    """Why there is no song."""
    embed = discord.Embed(
        title=f"No song: {line(title_of(job), TITLE_MAX)}",
        description=words.failure(job),
        color=COLOR_FAILED,
    )
    if job.reason not in (FailReason.REFUSED, FailReason.MODERATED):
        embed.set_footer(text="“Try again” makes a new request with the same words.")
    return embed
