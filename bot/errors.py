"""The three kinds of error, by who can act.

    TunesmithError
    ├── Refusal                 the member acts; nothing was held, nothing was posted
    │   ├── TextTooLong         over the model's limit, with the number
    │   ├── TextMissing         a text that the mode needs
    │   ├── UnreadableFile      a lyrics file that is no text of a fair size
    │   ├── UnknownModel        a model that the operator does not offer
    │   ├── NotEnoughCredits    the server's pool is used up
    │   ├── LimitReached        the member's limit is used up
    │   ├── Paused              the server's managers take no new songs at the moment
    │   ├── NotServed           the operator does not serve this server
    │   ├── TotalReached        all servers together have used the operator's credits of this month
    │   ├── OperatorsOnly       a change that only the bot's host can make here
    │   ├── NotRefundable       a song whose credits can't be given back
    │   ├── TooManyOpenJobs     the member or the server has enough songs in the making
    │   ├── ServiceClosed       the music service takes no requests just now
    │   ├── MissingPermissions  the bot may not do its work in this channel
    │   ├── NotYourServer       a command outside a server, or for its managers only
    │   ├── OutOfRange          a number that is too small or too large
    │   ├── WordsGone           a button whose song or words are no longer kept
    │   ├── TriedAgain          a failure that the member has tried again before
    │   ├── AlreadyMaking       a song that is being made again for the member already
    │   ├── NotYourSong         what only the one who asked for a song may do
    │   ├── TooLateToCancel     a request that is queued no more
    │   ├── NoSuchSong          no song of the member's in this server
    │   ├── NotDoneYet          a song that is still in the making
    │   ├── SongGone            a song whose audio lies nowhere any more
    │   ├── NoDirectMessages    a member who takes no direct messages from the bot
    │   ├── NoPlaceToPost       a channel that takes no message from the bot
    │   ├── Leaving             the member's data is being deleted
    │   └── ShuttingDown        the bot is about to restart
    ├── Transient               time acts; carries retry_after_s
    │   └── StoreBusy           the database was locked for longer than a member waits
    └── Fault                   the operator acts
        ├── StartRefused        a sentence that names what to change before the bot can start
        │   └── AlreadyRuns     another process has the database
        ├── NotDone             a sentence why something that the operator asked for was not done
        └── Unauthorized        the music service stopped accepting the key

Words for members stand in ``ui/``; an error carries what they need.
"""

from datetime import datetime
from typing import Literal

from bot.model import Balance, ClosedCause, Limit, Standing

Field = Literal["prompt", "title", "style", "lyrics", "avoid", "reason"]
"""A text that a member or admin can type."""


class TunesmithError(Exception):
    """Everything that this project raises by itself."""


class Refusal(TunesmithError):
    """Not done, and the member can do something about it. Nothing was held or posted."""


class TextTooLong(Refusal):
    """``field`` has ``length`` characters where the model takes ``limit``."""

    def __init__(self, field: Field, length: int, limit: int) -> None:
        super().__init__(f"{field}: {length} characters, {limit} allowed")
        self.field = field
        self.length = length
        self.limit = limit


class TextMissing(Refusal):
    """``field`` is empty where the mode needs it."""

    def __init__(self, field: Field) -> None:
        super().__init__(f"{field} is missing")
        self.field = field


class UnreadableFile(Refusal):
    """A lyrics file that can't be taken."""

    def __init__(self, cause: Literal["too_big", "not_text", "empty", "not_fetched"]) -> None:
        super().__init__(f"lyrics file: {cause}")
        self.cause = cause


class UnknownModel(Refusal):
    """A model name that is not on offer."""

    def __init__(self, offered: tuple[str, ...]) -> None:
        super().__init__("unknown model")
        self.offered = offered


class NotEnoughCredits(Refusal):
    """The server's pool as it stands has less than the ``price`` of the song."""

    def __init__(self, price: int, balance: Balance) -> None:
        super().__init__(f"{price} credits asked, {balance.available} available")
        self.price = price
        self.balance = balance


class LimitReached(Refusal):
    """The member's limit, as it stands, leaves less than the ``price`` of the song."""

    def __init__(self, price: int, limit: Limit, standing: Standing) -> None:
        super().__init__(f"{price} credits asked, {standing.left} left of {limit.credits}")
        self.price = price
        self.limit = limit
        self.standing = standing


class Paused(Refusal):
    """The server's managers take no new songs at the moment."""

    def __init__(self, reason: str) -> None:
        super().__init__("paused")
        self.reason = reason


class NotServed(Refusal):
    """The operator makes no songs for this server."""


class TotalReached(Refusal):
    """All servers together have used up the operator's credits of this month, until ``renews_at``."""

    def __init__(self, renews_at: datetime) -> None:
        super().__init__(f"the total of all servers is used up until {renews_at}")
        self.renews_at = renews_at


class OperatorsOnly(Refusal):
    """Only the one who hosts the bot can do that here."""

    def __init__(self, what: Literal["period", "grant", "refund"]) -> None:
        super().__init__(what)
        self.what = what


class NotRefundable(Refusal):
    """The credits of that song can't be given back."""

    def __init__(self, cause: Literal["unknown", "open", "released", "refunded"]) -> None:
        super().__init__(cause)
        self.cause = cause


class TooManyOpenJobs(Refusal):
    """The member, or the whole server, has ``limit`` songs in the making already."""

    def __init__(self, scope: Literal["member", "guild"], limit: int) -> None:
        super().__init__(f"{limit} open jobs per {scope}")
        self.scope = scope
        self.limit = limit


class ServiceClosed(Refusal):
    """The music service takes nothing until about ``until``."""

    def __init__(self, cause: ClosedCause, until: datetime) -> None:
        super().__init__(f"closed: {cause}")
        self.cause = cause
        self.until = until


class MissingPermissions(Refusal):
    """The bot lacks permissions here; their names are those of Discord's API."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__("missing permissions: " + ", ".join(names))
        self.names = names


class NotYourServer(Refusal):
    """The command works in servers only, or needs a permission that the member lacks."""

    def __init__(self, cause: Literal["outside", "manager"]) -> None:
        super().__init__(cause)
        self.cause = cause


class OutOfRange(Refusal):
    """A number outside ``low`` … ``high``."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__(f"outside {low} … {high}")
        self.low = low
        self.high = high


class WordsGone(Refusal):
    """The song behind a button or a form is no longer kept."""


class TriedAgain(Refusal):
    """A failed song is tried again once by each member; the new try has a button of its own."""


class AlreadyMaking(Refusal):
    """The member has asked for this song once more, and it is in the making: a press counts once."""


class NotYourSong(Refusal):
    """Only the one who asked for the song may do that, or somebody who may manage messages here."""


class TooLateToCancel(Refusal):
    """The request is queued no more: it is being made, or at its end."""


class NoSuchSong(Refusal):
    """The member has no such song in this server."""


class NotDoneYet(Refusal):
    """The song is still in the making, and will be posted by itself."""


class SongGone(Refusal):
    """The song's audio is no longer in the spool, in its message or at the music service."""


class NoDirectMessages(Refusal):
    """The member takes no direct messages from the bot."""


class NoPlaceToPost(Refusal):
    """The channel is gone, or the bot may not post there."""


class Leaving(Refusal):
    """The member's data is being deleted; that waits for their songs in the making."""


class ShuttingDown(Refusal):
    """The bot takes no new work because it is about to stop."""


class Transient(TunesmithError):
    """Not now; worth another try after ``retry_after_s`` seconds."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreBusy(Transient):
    """The database stayed locked for longer than a member can wait; nothing was written."""


class Fault(TunesmithError):
    """Something that only the operator can mend."""


class StartRefused(Fault):
    """The bot does not start; the message is one sentence for the operator, without secrets."""


class AlreadyRuns(StartRefused):
    """Another process runs on the database."""


class NotDone(Fault):
    """What the operator asked for was not done; the message is one sentence for them, without secrets."""


class Unauthorized(Fault):
    """The music service does not accept the key any more."""
