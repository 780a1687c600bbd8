"""A job's full story for the operator: states, attempts, answers, messages and credits in order."""

from datetime import UTC, timedelta
from typing import Final

from msgspec import Struct
from rich.table import Table

from bot.model import Job, JobState
from bot.ops import tables
from bot.pipeline.quote_filter import unquoted
from bot.store.job_events import JobEntry, JobEvent

MIB: Final = 1024**2
"""Size of a mebibyte, in bytes."""
_MONEY: Final = {
    "hold": "held",
    "settle": "settled",
    "release": "released",
    "refund": "refunded",
}
_WITH: Final[dict[str, tuple[str, ...]]] = {
    "hold": (JobState.QUEUED,),
    "settle": (JobState.STORED,),
    "release": (JobState.FAILED, JobState.EXPLAINED),
}
"""States entered in the same transaction as each kind of ledger entry."""
_LEFT: Final = ("time (UTC)", "state", "what happened")


class JobStory(Struct, frozen=True, kw_only=True):
    """Everything the database knows about one job."""

    job: Job
    parked: str | None
    """Why the job is parked, or None."""
    events: tuple[JobEvent, ...]
    entries: tuple[JobEntry, ...]


def head(story: JobStory) -> list[str]:
    """Summarise the job and its state, without what the member typed."""
    job = story.job
    origin = job.origin
    kind = "custom" if job.request.custom else "from a prompt"
    description = ", ".join(
        part
        for part in (
            f"made by {job.backend}" if job.backend else "not sent to a music service yet",
            f"model {job.request.model}" if job.request.model else "texts no longer kept",
            kind if job.request.model else "",
            "instrumental" if job.request.instrumental else "",
        )
        if part
    )
    whose = "data erased" if job.erased else f"member {origin.member_id}, channel {origin.channel_id}"
    lines = [
        f"Job {job.id}: {_standing(story)}.",
        f"Server {origin.guild_id}, {whose}.",
        f"{description[0].upper()}{description[1:]}; {job.price_credits:,} credits.",
    ]
    messages = [
        f"{name} {number}"
        for name, number in (("card", job.card_message_id), ("result", job.message_id))
        if number is not None
    ]
    if messages:
        lines.append(f"Messages: {', '.join(messages)}.")
    if job.task_id is not None and not job.erased:
        lines.append(f"Task of the music service: {job.task_id}.")
    return lines


def _standing(story: JobStory) -> str:
    job = story.job
    if story.parked is not None:
        return f"{job.state}, parked ({story.parked}) until you decide"
    why = f" ({job.reason})" if job.reason is not None else ""
    return f"{job.state}{why} after {_duration(job.state_since - job.created_at)}"


def words(story: JobStory) -> list[str]:
    """Return what the member typed, and the music service's message about it."""
    request = story.job.request
    texts = {
        "Prompt": request.prompt,
        "Title": request.title,
        "Style": request.style,
        "Lyrics": request.lyrics,
        "Avoid": request.avoid,
        "The music service said": story.job.detail,
    }
    return [f"{name}: {text!r}" for name, text in texts.items() if text] or ["No texts are kept."]


def timeline(story: JobStory, *, with_words: bool) -> Table:
    """Return a table of all events, oldest first.

    Without ``with_words``, it omits answers that quote the member, and managers' reasons.
    """
    table = tables.empty("time (UTC)", "after", "state", "attempt", "what happened", left=_LEFT)
    since = story.job.created_at
    for happened in _in_order(story):
        if isinstance(happened, JobEvent):
            cells = (happened.state, str(happened.attempt), _what(story.job, happened, with_words=with_words))
        else:
            cells = ("", "", _money(happened, with_words=with_words))
        table.add_row(
            f"{happened.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", _duration(happened.at - since), *cells
        )
    return table


def _in_order(story: JobStory) -> list[JobEvent | JobEntry]:
    """Return events and entries in chronological order, each entry after the state entered with it."""
    order: list[JobEvent | JobEntry] = list(story.events)
    for entry in story.entries:
        with_it = [
            place
            for place, event in enumerate(order, start=1)
            if isinstance(event, JobEvent)
            and event.kind == "state"
            and event.state in _WITH.get(entry.kind, ())
            and event.at == entry.at
        ]
        earlier = sum(1 for other in order if other.at <= entry.at)
        order.insert(with_it[0] if with_it else earlier, entry)
    return order


def _money(entry: JobEntry, *, with_words: bool) -> str:
    amount = entry.allowance + entry.bonus
    why = f" ({entry.reason!r})" if entry.reason and with_words else ""
    split = f"{entry.allowance:,} of the allowance, {entry.bonus:,} of the bonus"
    return f"{amount:,} credits {_MONEY[entry.kind]}{why}; {split}"


def _what(job: Job, event: JobEvent, *, with_words: bool) -> str:
    match event.kind:
        case "answer":
            answer = (
                repr(event.note if with_words else unquoted(job, event.note)) if event.note else "postponed"
            )
            if not event.repeats:
                return answer
            return f"{answer}, {event.repeats + 1:,} times until {event.last_at.astimezone(UTC):%H:%M:%S}"
        case "sending":
            return f"sending to the {event.note}"
        case "parked":
            return f"parked: {event.note}"
        case "resumed":
            return "resumed"
        case "deleted":
            return "the message was deleted on Discord"
        case _:
            return _entered(job, event)


def _entered(job: Job, event: JobEvent) -> str:
    """Describe what happened when the job entered this state."""
    match event.state:
        case JobState.QUEUED if event.attempt == 0:
            return "requested"
        case JobState.QUEUED:
            return "not accepted; queued again"
        case JobState.SUBMITTING:
            return f"sending the paid request to {event.note or 'the music service'}"
        case JobState.RUNNING:
            return "accepted by the music service"
        case JobState.READY:
            return "finished at the music service"
        case JobState.STORED:
            size = sum(track.size_bytes for track in job.tracks) / MIB
            return f"audio stored: {len(job.tracks)} takes, {size:.1f} MiB" if job.tracks else "audio stored"
        case JobState.DELIVERING:
            return f"posting the song to the {event.note or 'channel'}"
        case JobState.DELIVERED:
            return "song posted"
        case JobState.FAILED:
            return f"failed: {event.note}"
        case JobState.EXPLAINED if event.note == "withdrawn":
            return "withdrawn"
        case JobState.EXPLAINED:
            return "the member has been informed, or can't be reached"
        case _:
            return "nowhere to post it"


def _duration(duration: timedelta) -> str:
    """Format a duration like ``3.2 s``, ``4 min 5 s`` or ``2 h 10 min``."""
    seconds = duration.total_seconds()
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_rest = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes_rest} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
