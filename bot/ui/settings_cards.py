"""Render server managers' settings as embeds and sentences: pure functions."""

from discord.utils import format_dt

from bot.balance import Balance
from bot.model import ChannelId
from bot.ui import messages
from bot.ui.language import Language
from bot.ui.quota_cards import channel
from bot.ui.text import line


def allowance_changed(say: Language, before: Balance, after: Balance, requested: int | None) -> str:
    """Return the confirmation of a new allowance and time zone, or of no change."""
    sentences = [] if before.zone == after.zone else [_zone_changed(say, before, after)]
    is_same = (before.allowance, before.period) == (after.allowance, after.period)
    if is_same and (requested is None or after.allowance == requested):
        if sentences:
            return sentences[0]
        a_period = messages.period(say, after.period)
        value = say("pool-allowance-value", credits=after.allowance, period=a_period)
        return say("changed-nothing", what=say("pool-allowance"), value=value)
    sentences.insert(
        0,
        say(
            "changed-allowance",
            before=before.allowance,
            after=after.allowance,
            available=messages.credits_(say, after.available),
            **{
                "period-before": messages.period(say, before.period),
                "period-after": messages.period(say, after.period),
            },
        ),
    )
    if requested is not None and after.allowance < requested:
        sentences.insert(1, say("changed-allowance-cut", most=after.allowance))
    return " ".join(sentences)


def _zone_changed(say: Language, before: Balance, after: Balance) -> str:
    renews = format_dt(after.renews_at, "F")
    return say("changed-zone", before=before.zone, after=after.zone, renews=renews)


def paused(say: Language, reason: str, open_jobs: int) -> str:
    """Return the confirmation of a pause."""
    sentences = [say("paused", reason=line(reason, messages.REASON_MAX))]
    if open_jobs:
        sentences.append(say("songs-go-on", count=open_jobs))
    return " ".join([*sentences, say("paused-ends")])


def resumed(say: Language, *, ended: bool) -> str:
    """Return the confirmation that a pause has ended, or that there was none."""
    return say("resumed") if ended else say("resumed-nothing")


def alerts_set(say: Language, before: ChannelId | None, after: ChannelId | None) -> str:
    """Return the confirmation of the channel for budget alerts."""
    if before == after:
        return say("changed-nothing", what=say("quota-alerts"), value=channel(say, after))
    text = say("changed-alerts", before=channel(say, before), after=channel(say, after))
    return text if after is None else f"{text} {say('changed-alerts-hint')}"
