"""Choose the sentence that people read: why something was refused, or why a song failed."""

import functools
import re
from collections.abc import Callable
from typing import Final

from discord.utils import format_dt

from bot import refusals
from bot.balance import Balance, Limit, Period, Standing
from bot.errors import Refusal
from bot.lazy import lazy_pattern
from bot.model import ClosedCause, FailReason, Job
from bot.store.refused_words import REFUSED_WORD_MAX
from bot.ui.language import Language
from bot.ui.text import line

Tell = Callable[..., str]
"""A language with some facts already filled in."""
UNSPACED: Final = frozenset({"ja"})
"""Languages that put no space between sentences."""
AMOUNTS_KEPT: Final = 256
"""Number of amounts of credits whose texts are cached; each card has two."""
REASON_MAX: Final = 300
"""Maximum displayed length of a manager's or the music service's reason, in characters."""
BEGINNING_MAX: Final = 60
"""Maximum length of quoted lyrics that show how a file was decoded, in characters."""
_FIXED: Final[dict[type[Refusal], str]] = {
    refusals.LyricsInPrompt: "lyrics-in-prompt",
    refusals.NotServed: "not-served",
    refusals.UnknownControl: "unknown-control",
    refusals.NoSuchLimit: "no-such-limit",
    refusals.NoSuchZone: "no-such-zone",
    refusals.NoSuchChannel: "no-such-channel",
    refusals.NoSuchRole: "no-such-role",
    refusals.EverybodyManages: "everybody-manages",
    refusals.TooManyCopies: "too-many-copies",
    refusals.TextsGone: "texts-gone",
    refusals.TriedAgain: "tried-again",
    refusals.AlreadyMaking: "already-making",
    refusals.NotYourSong: "not-your-song",
    refusals.TooLateToCancel: "too-late-to-cancel",
    refusals.NoSuchSong: "no-such-song",
    refusals.NotDoneYet: "not-done-yet",
    refusals.SongGone: "song-gone",
    refusals.NoPlaceToPost: "no-place-to-post",
    refusals.NoDirectMessages: "no-direct-messages",
    refusals.ExportRunning: "export-running",
    refusals.Leaving: "leaving",
    refusals.ShuttingDown: "shutting-down",
    refusals.NoRoom: "no-room",
}
"""Refusals whose sentence needs no facts."""
_CHARGES: Final = lazy_pattern(
    r"[^.!?;]*\b(?:not|nothing|no|never)\b[^.!?;]*\b(?:charged?|deducted|billed|refund(?:ed)?)\b[^.!?;]*[.!?;]*",
    re.IGNORECASE,
)
"""A sentence from the music service that nothing was charged: true for the operator, not the member."""
_QUOTED: Final = frozenset({FailReason.REFUSED, FailReason.MODERATED, FailReason.UPSTREAM_FAILED})
"""Failures that the music service's own words explain better than ours."""


@functools.lru_cache(AMOUNTS_KEPT)
def credits_(say: Language, amount: int) -> str:
    """Return ``1 credit`` or ``10 credits``."""
    return say("credits", count=amount)


def songs(say: Language, count: int) -> str:
    """Return ``1 song`` or ``3 songs``."""
    return say("songs", count=count)


def period(say: Language, period_: Period) -> str:
    """Return ``day``, ``week`` or ``month``."""
    return say("period", period=period_.value)


def broken(say: Language, *, charging: bool) -> str:
    """Return that a bug prevented the action."""
    return _telling(say, charging=charging)("broken")


def busy(say: Language, *, charging: bool) -> str:
    """Return that a dependency of the bot is temporarily unresponsive."""
    return _telling(say, charging=charging)("busy")


def _telling(say: Language, *, charging: bool) -> Tell:
    """Fill in the sentences about charges, which are empty where none were possible."""
    if not charging:
        return functools.partial(say, charged="", more="")
    space = "" if say.code in UNSPACED else " "
    charged, more = (f"{space}{say(name)}" for name in ("nothing-charged", "nothing-more-charged"))
    return functools.partial(say, charged=charged, more=more)


def refusal(say: Language, error: Refusal, *, charging: bool = False) -> str:
    """Return one sentence: what did not happen, and the next step.

    ``charging`` is whether it would have cost credits: only then mention that nothing was charged.
    """
    tell = _telling(say, charging=charging)
    match error:
        case refusals.TextTooLong():
            return tell("refused-too-long", field=error.field, length=error.length, limit=error.limit)
        case refusals.TextMissing(field="lyrics"):
            return tell("refused-no-lyrics")
        case refusals.TextMissing():
            return tell("refused-missing", field=error.field)
        case refusals.UnreadableFile():
            return tell(f"refused-file-{_dashed(error.cause)}")
        case refusals.LyricsGuessed():
            beginning = line(error.lyrics, BEGINNING_MAX)
            return tell("refused-file-guessed", encoding=error.encoding, beginning=beginning)
        case refusals.UnknownModel():
            return tell("refused-model", models=", ".join(error.offered))
        case refusals.NoDuration():
            named = ", ".join(error.models)
            return tell("refused-length", models=named) if named else tell("refused-no-length")
        case refusals.OptionsNotTaken():
            names = [say(f"named-{option}") for option in error.options]
            return tell("refused-options", options=_joined(say, names))
        case refusals.ServiceClosed():
            return tell("refused-closed", why=closed(say, error.cause), when=format_dt(error.until, "R"))
        case refusals.MissingPermissions():
            return tell("refused-permissions", names=_listed(say, error.names))
        case refusals.NotYourServer(cause="outside"):
            return tell("refused-outside")
        case refusals.NotYourServer():
            return tell("refused-managers-by-role" if error.cause == "role" else "refused-managers-only")
        case refusals.OutOfRange():
            return _range(tell, error)
        case refusals.OperatorsOnly():
            return tell(f"refused-operators-{error.what}")
        case refusals.NotRefundable():
            return tell(f"refused-refund-{error.cause}")
        case _:
            name = _FIXED.get(type(error))
            return _quota_refusal(say, tell, error) if name is None else tell(f"refused-{name}")


def _range(tell: Tell, error: refusals.OutOfRange) -> str:
    low, high = error.low, error.high
    if error.zero:
        return tell("refused-range", low=low, high=high)
    name = "refused-range-without-zero" if low < 0 < high else "refused-range"
    return tell(name, low=low or 1, high=high or -1)


def _quota_refusal(say: Language, tell: Tell, error: Refusal) -> str:
    """Return the rule that forbids it, its usage, and its renewal."""
    match error:
        case refusals.NotEnoughCredits():
            balance = error.balance
            return tell(
                "refused-pool",
                price=credits_(say, error.price),
                left=balance.available,
                used=pool_used(say, balance),
                renews=format_dt(balance.renews_at, "R"),
            )
        case refusals.LimitReached():
            return tell(
                "refused-limit",
                price=credits_(say, error.price),
                left=error.standing.left,
                used=limit_used(say, error.limit, error.standing),
                renews=format_dt(error.standing.balance.renews_at, "R"),
            )
        case refusals.TotalReached():
            return tell("refused-total", renews=format_dt(error.renews_at, "R"))
        case refusals.TooManyOpenJobs():
            return tell(f"refused-open-jobs-{error.scope}", songs=songs(say, error.limit))
        case refusals.TooManyRequests():
            return tell("refused-requests", limit=error.limit, until=format_dt(error.until, "R"))
        case refusals.TooManyLyrics():
            return tell("refused-many-lyrics", limit=error.limit, until=format_dt(error.until, "R"))
        case refusals.LyricsUnderway():
            return tell("refused-lyrics-underway", until=format_dt(error.until, "R"))
        case refusals.NoLyrics():
            return tell(f"refused-lyrics-{error.cause}")
        case refusals.TooManyRatings():
            return tell("refused-ratings", limit=error.limit, until=format_dt(error.until, "R"))
        case _:
            return _rule_refusal(say, tell, error)


def _rule_refusal(say: Language, tell: Tell, error: Refusal) -> str:
    """Return which of the managers' rules forbids a song, or why a rule can't be set."""
    match error:
        case refusals.WrongChannel():
            return tell("refused-channel", channels=_joined(say, [f"<#{id_}>" for id_ in error.channel_ids]))
        case refusals.TooManyRoles():
            return tell("refused-roles-too-many", limit=error.limit)
        case refusals.TooManyChannels():
            return tell("refused-channels-too-many", limit=error.limit)
        case refusals.WordRefused():
            return tell("refused-word", word=line(error.word, REFUSED_WORD_MAX))
        case refusals.WordUnusable():
            return tell(f"refused-word-{_dashed(error.cause)}", limit=error.limit)
        case refusals.Paused():
            return tell("refused-paused", reason=line(error.reason, REASON_MAX))
        case _:
            raise TypeError(f"no sentence for {type(error).__name__}")


def pool_used(say: Language, balance: Balance) -> str:
    """Return ``95 of 100 credits a month are used or held, and the bonus is 0``."""
    return say(
        "pool-used",
        used=balance.used + balance.held,
        allowance=credits_(say, balance.allowance),
        period=period(say, balance.period),
        bonus=balance.bonus,
    )


def limit_used(say: Language, limit: Limit, standing: Standing) -> str:
    """Return ``25 of your 30 credits a month are used or held (a personal limit)``."""
    return say(
        "limit-used",
        used=standing.used + standing.held,
        limit=credits_(say, limit.credits),
        period=period(say, standing.balance.period),
        whose=whose(say, limit),
    )


def whose(say: Language, limit: Limit, member: str | None = None) -> str:
    """Return whose limit it is: the reader's, or the ``member``'s for a manager."""
    if limit.role_id is None:
        return say("limit-of-member") if member is None else say("limit-of-named", member=member)
    return say("limit-of-everyone") if limit.everyone else say("limit-of-role", role=f"<@&{limit.role_id}>")


def closed(say: Language, cause: ClosedCause) -> str:
    """Return why the music service accepts no requests."""
    return say(f"closed-{_dashed(cause)}")


def failure(say: Language, job: Job) -> str:
    """Return why a song failed, and that its credits are back."""
    what = _what_failed(say, job)
    return say("failure", what=what, credits=credits_(say, job.price_credits)) if job.price_credits else what


def _what_failed(say: Language, job: Job) -> str:
    # The schema requires a reason; without one, a bug is the best guess.
    what = f"failed-{_dashed(job.reason or FailReason.INTERNAL)}"
    if job.reason is FailReason.CLOSED:
        return say(what, why=closed(say, job.closed or ClosedCause.NOT_OPEN))
    if job.reason is FailReason.REFUSED and job.backend is None:
        return say("failed-options")  # never sent: see ``Submitter.submit``
    # The service's statements about its own account contradict the member's refund.
    quote = _CHARGES.sub("", job.detail).strip() if job.reason in _QUOTED else ""
    return say(what) if not quote else f"{say(what)} {say('failed-said', said=line(quote, REASON_MAX))}"


def _dashed(word: str) -> str:
    return word.replace("_", "-")


def _listed(say: Language, names: tuple[str, ...]) -> str:
    return _joined(say, [f"**{say(f'permission-{_dashed(name)}')}**" for name in names])


def _joined(say: Language, names: list[str]) -> str:
    return names[0] if len(names) == 1 else say("and", first=", ".join(names[:-1]), last=names[-1])
