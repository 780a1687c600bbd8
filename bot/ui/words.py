"""The sentences that people read: why something was refused, why there is no song."""

from typing import assert_never

from discord.utils import format_dt

from bot import errors
from bot.model import Balance, ClosedCause, FailReason, Job, JobState, Limit, Period, Standing
from bot.ui.text import line

REASON_MAX = 300
"""Characters of the music service's own words that are shown."""

PERIODS = {Period.DAY: "day", Period.WEEK: "week", Period.MONTH: "month"}
CLOSED = {
    ClosedCause.NOT_OPEN: "Music is not open at the provider yet.",
    ClosedCause.NO_CREDITS: "The bot's account at the music provider is empty; its operator has been told.",
    ClosedCause.BAD_KEY: "The bot is misconfigured at the music provider; its operator has been told.",
}
BROKEN = "Something went wrong on our side; nothing was charged. Please try again in a moment."
BUSY = "The bot is very busy just now. Nothing was charged; please try again in a moment."


def credits_(amount: int) -> str:
    """``1 credit``, ``10 credits``."""
    return f"{amount:,} credit{'' if amount == 1 else 's'}"


def refusal(error: errors.Refusal) -> str:
    """One sentence: what did not happen, and what to do."""
    match error:
        case errors.TextTooLong():
            return (
                f"The {error.field} has {error.length:,} characters; {error.limit:,} is the most. "
                "Nothing was charged: shorten it and try again."
            )
        case errors.TextMissing(field="lyrics"):
            return "Lyrics are missing. Write some, add a file, or choose Instrumental. Nothing was charged."
        case errors.TextMissing():
            return f"The {error.field} is missing. Nothing was charged: fill it in and try again."
        case errors.UnreadableFile():
            return _FILES[error.cause] + " Nothing was charged."
        case errors.UnknownModel():
            return (
                f"That model is not on offer. Choose one of: {', '.join(error.offered)}. Nothing was charged."
            )
        case errors.ServiceClosed():
            return f"{CLOSED[error.cause]} Nothing was charged. Try again {format_dt(error.until, 'R')}."
        case errors.MissingPermissions():
            return (
                f"I can't post a song in this channel: I need the permission {_listed(error.names)}. "
                "Ask a server manager, or try another channel. Nothing was charged."
            )
        case errors.NotYourServer(cause="outside"):
            return "This works in servers only."
        case errors.NotYourServer():
            return "Only members with the Manage Server permission can do that."
        case errors.OutOfRange():
            return f"Choose a number from {error.low:,} to {error.high:,}. Nothing was changed."
        case errors.OperatorsOnly():
            return _OPERATORS[error.what]
        case errors.NotRefundable():
            return _NOT_REFUNDABLE[error.cause]
        case _:
            return _ALWAYS_THE_SAME.get(type(error)) or _quota_refusal(error)


def _quota_refusal(error: errors.Refusal) -> str:
    """Which rule of the server stands against a song, how much of it is used, and when it renews."""
    match error:
        case errors.NotEnoughCredits():
            there = error.balance
            return (
                f"A song costs {credits_(error.price)}, and this server has {there.available:,} left: "
                f"{pool_used(there)}. The allowance renews {format_dt(there.renews_at, 'R')}; "
                "a server manager can add credits with `/quota grant`. Nothing was charged."
            )
        case errors.LimitReached():
            return (
                f"A song costs {credits_(error.price)}, and you have {error.standing.left:,} left: "
                f"{limit_used(error.limit, error.standing)}. "
                f"It renews {format_dt(error.standing.balance.renews_at, 'R')}. Nothing was charged."
            )
        case errors.TooManyOpenJobs(scope="member"):
            return (
                f"You have {songs(error.limit)} in the making, which is the most at a time. "
                "Wait for one to arrive, then try again. Nothing was charged."
            )
        case errors.TooManyOpenJobs():
            return (
                f"This server has {songs(error.limit)} in the making, which is the most at a time. "
                "Wait for one to arrive, then try again. Nothing was charged."
            )
        case errors.Paused():
            return (
                f"New songs are paused in this server: “{line(error.reason, REASON_MAX)}”. "
                "Nothing was charged; try again when a server manager has ended the pause."
            )
        case _:
            raise TypeError(f"no sentence for {type(error).__name__}")


def pool_used(balance: Balance) -> str:
    """``95 of 100 credits a month are used or held, and the bonus is 0``."""
    return (
        f"{balance.used + balance.held:,} of {credits_(balance.allowance)} a {PERIODS[balance.period]} "
        f"are used or held, and the bonus is {balance.bonus:,}"
    )


def limit_used(limit: Limit, standing: Standing) -> str:
    """``25 of your 30 credits a month are used or held, a limit set for you``."""
    return (
        f"{standing.used + standing.held:,} of your {credits_(limit.credits)} "
        f"a {PERIODS[standing.balance.period]} are used or held, {whose(limit)}"
    )


def whose(limit: Limit) -> str:
    """Where a member's limit comes from."""
    if limit.role_id is None:
        return "a limit set for you"
    return "the limit of everyone here" if limit.everyone else f"the limit of <@&{limit.role_id}>"


_ALWAYS_THE_SAME: dict[type[errors.Refusal], str] = {
    errors.WordsGone: "The words of that song are no longer kept. Nothing was charged.",
    errors.TriedAgain: (
        "You have tried that song again already: look for its newer message. Nothing was charged."
    ),
    errors.AlreadyMaking: (
        "That song is in the making for you already; a press counts once. Nothing more was charged."
    ),
    errors.NotYourSong: "Only the one who asked for that song can do that. Nothing was changed.",
    errors.TooLateToCancel: "It is too late to cancel that song: it is no longer queued.",
    errors.NoSuchSong: "You have no such song in this server. Choose one from the list; nothing was posted.",
    errors.NotDoneYet: "That song is still in the making. I will post it and mention you when it is done.",
    errors.SongGone: (
        "The audio of that song is gone: I have it no more, its message is gone, and so is the music "
        "service's copy. Nothing was charged."
    ),
    errors.NoDirectMessages: (
        "I can't send you direct messages. Allow them for this server in your privacy settings, then try "
        "again. Nothing was charged."
    ),
    errors.NoPlaceToPost: (
        "I could not post in this channel. Ask a server manager, or try another channel. Nothing was charged."
    ),
    errors.ShuttingDown: "The bot is about to restart. Nothing was charged; please try again in a minute.",
}
_OPERATORS = {
    "period": "The bot's operator has set one period for all servers. Leave it out; nothing was changed.",
    "grant": "Here only the bot's operator grants credits. Nothing was changed; ask them.",
    "refund": "Here only the bot's operator refunds credits. Nothing was changed; ask them.",
}
_NOT_REFUNDABLE = {
    "unknown": "There is no such song in this server. Choose one from the list; nothing was changed.",
    "open": "That song is still in the making. Refund it when it is done; nothing was changed.",
    "released": "That song failed, and its credits are back already. Nothing was changed.",
    "refunded": "That song has been refunded already. Nothing was changed.",
}
_FILES = {
    "too_big": "That lyrics file is larger than any lyrics can be (5,000 characters).",
    "not_text": "That lyrics file is no plain text. Save it as a .txt file in UTF-8.",
    "empty": "That lyrics file is empty.",
    "not_fetched": "The lyrics file could not be fetched in time. Try again, or paste the lyrics.",
}


def failure(job: Job) -> str:
    """Why there is no song, and that the credits are back."""
    return f"{_what_failed(job)} Your {credits_(job.price_credits)} are back."


def _what_failed(job: Job) -> str:
    said = f" It said: “{line(job.detail, REASON_MAX)}”" if job.detail else ""
    match job.reason:
        case FailReason.REFUSED:
            return f"The music service did not accept the request.{said}"
        case FailReason.MODERATED:
            return f"The music service refused the words.{said}"
        case FailReason.CLOSED:
            return f"{CLOSED[job.closed or ClosedCause.NOT_OPEN]} Nothing was charged."
        case FailReason.UPSTREAM_FAILED:
            return f"The music service could not make this song.{said}"
        case FailReason.CANCELED:
            return "The song was canceled at the music service."
        case FailReason.WITHDRAWN:
            return "The request was taken back."
        case FailReason.EXPIRED:
            return "The music service could not be reached for too long."
        case FailReason.OUTCOME_UNKNOWN:
            return (
                "The music service did not confirm the request. The song may have been started there, "
                "but it can't be fetched, and I don't send a request twice."
            )
        case FailReason.LOST:
            return "The music service no longer knows this song."
        case FailReason.AUDIO_GONE:
            return "The song was made, but its audio could not be fetched from the music service for hours."
        case FailReason.INTERNAL:
            return "Something went wrong on our side; the operator can see it in the log."
        case None:
            return "There is no song."
        case _:
            assert_never(job.reason)


def posting_again(job: Job) -> str:
    """The private answer to one who asks for a song to be posted after all."""
    return "It has been posted." if job.state is JobState.DELIVERED else "I am posting it now."


def songs(count: int) -> str:
    """``1 song``, ``3 songs``."""
    return f"{count} song{'' if count == 1 else 's'}"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(f"**{name}**" for name in names)
