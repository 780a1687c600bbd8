"""Reasons to refuse a request that a member or manager can change, one class each.

    Texts and options     TextTooLong, TextMissing, UnreadableFile, LyricsGuessed, LyricsInPrompt,
                          WordRefused, UnknownModel, NoDuration, OptionsNotTaken, UnknownControl
    Credits               NotEnoughCredits, LimitReached, TotalReached
    Too much at once      TooManyOpenJobs, TooManyRequests, TooManyRatings, TooManyLyrics, LyricsUnderway,
                          TooManyCopies, ExportRunning
    Where and when        Paused, NotServed, WrongChannel, MissingPermissions, NoPlaceToPost,
                          NoDirectMessages, ServiceClosed, NoRoom, ShuttingDown, Leaving
    A song or its texts   NoSuchSong, NotYourSong, NotDoneYet, SongGone, TextsGone, TooLateToCancel,
                          TriedAgain, AlreadyMaking, NoLyrics
    What managers do      NotYourServer, OperatorsOnly, OutOfRange, WordUnusable, NoSuchLimit, NoSuchZone,
                          NoSuchChannel, NoSuchRole, EverybodyManages, TooManyChannels, TooManyRoles,
                          NotRefundable

A refusal carries the facts that its sentence in ``ui/messages.py`` needs.
"""

from datetime import datetime
from typing import Literal

from bot.balance import Balance, Limit, Standing
from bot.errors import Refusal
from bot.model import ChannelId, ClosedCause, Option

Field = Literal["prompt", "title", "style", "lyrics", "avoid", "reason"]
"""The name of a text that a member or manager can enter."""


class TextTooLong(Refusal):
    """``field`` has ``length`` characters where the model accepts ``limit``."""

    def __init__(self, field: Field, length: int, limit: int) -> None:
        super().__init__(f"{field}: {length} characters, {limit} allowed")
        self.field = field
        self.length = length
        self.limit = limit


class TextMissing(Refusal):
    """``field`` is empty, but the mode requires it."""

    def __init__(self, field: Field) -> None:
        super().__init__(f"{field} is missing")
        self.field = field


class UnreadableFile(Refusal):
    """The lyrics file is not text, is too large, or can't be fetched."""

    def __init__(self, cause: Literal["too_big", "not_text", "empty", "not_fetched"]) -> None:
        super().__init__(f"lyrics file: {cause}")
        self.cause = cause


class LyricsGuessed(Refusal):
    """The ``lyrics`` of a file were decoded with a guessed encoding and need the member's confirmation."""

    def __init__(self, encoding: str, lyrics: str) -> None:
        super().__init__(f"lyrics file in {encoding}, probably")
        self.encoding = encoding
        self.lyrics = lyrics


class LyricsInPrompt(Refusal):
    """The prompt has several lines and so looks like lyrics, which belong in the form."""


class WordRefused(Refusal):
    """A text contains a ``word`` that the server's managers refuse."""

    def __init__(self, word: str) -> None:
        super().__init__("a refused word")
        self.word = word


class UnknownModel(Refusal):
    """The operator does not offer this model."""

    def __init__(self, offered: tuple[str, ...]) -> None:
        super().__init__("unknown model")
        self.offered = offered


class NoDuration(Refusal):
    """This song's length can't be chosen; only custom songs of ``models`` allow that."""

    def __init__(self, models: tuple[str, ...]) -> None:
        super().__init__("the length can't be chosen")
        self.models = models


class OptionsNotTaken(Refusal):
    """The music service or the operator does not allow these ``options`` for the song."""

    def __init__(self, options: tuple[Option, ...]) -> None:
        super().__init__("unsupported options")
        self.options = options


class UnknownControl(Refusal):
    """This version of the bot does not offer that command, option, button or form."""


class NotEnoughCredits(Refusal):
    """The server's pool has fewer credits than the ``price`` of the song."""

    def __init__(self, price: int, balance: Balance) -> None:
        super().__init__(f"{price} credits requested, {balance.available} available")
        self.price = price
        self.balance = balance


class LimitReached(Refusal):
    """The member's limit leaves fewer credits than the ``price`` of the song."""

    def __init__(self, price: int, limit: Limit, standing: Standing) -> None:
        super().__init__(f"{price} credits requested, {standing.left} left of {limit.credits}")
        self.price = price
        self.limit = limit
        self.standing = standing


class TotalReached(Refusal):
    """All servers together have used up the operator's monthly credits, which renew at ``renews_at``."""

    def __init__(self, renews_at: datetime) -> None:
        super().__init__(f"the total of all servers is used up until {renews_at}")
        self.renews_at = renews_at


class TooManyOpenJobs(Refusal):
    """The member, or the whole server, already has ``limit`` songs in progress."""

    def __init__(self, scope: Literal["member", "guild"], limit: int) -> None:
        super().__init__(f"{limit} open jobs per {scope}")
        self.scope = scope
        self.limit = limit


class TooManyRequests(Refusal):
    """The member has made ``limit`` requests within an hour; the next is allowed at ``until``."""

    def __init__(self, limit: int, until: datetime) -> None:
        super().__init__(f"{limit} requests within an hour")
        self.limit = limit
        self.until = until


class TooManyRatings(Refusal):
    """The member has rated ``limit`` times within ten minutes; the next is allowed at ``until``."""

    def __init__(self, limit: int, until: datetime) -> None:
        super().__init__(f"{limit} ratings within ten minutes")
        self.limit = limit
        self.until = until


class TooManyLyrics(Refusal):
    """The member has had ``limit`` lyrics written within an hour; the next are allowed at ``until``."""

    def __init__(self, limit: int, until: datetime) -> None:
        super().__init__(f"{limit} lyrics within an hour")
        self.limit = limit
        self.until = until


class LyricsUnderway(Refusal):
    """The member's last lyrics are still being written; by ``until`` they are ready or lost."""

    def __init__(self, until: datetime) -> None:
        super().__init__("lyrics are being written")
        self.until = until


class TooManyCopies(Refusal):
    """``limit`` copies of songs are already on their way to the member."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} copies at a time")
        self.limit = limit


class ExportRunning(Refusal):
    """The member's last export is still being written or sent."""


class Paused(Refusal):
    """The server's managers have paused new songs."""

    def __init__(self, reason: str) -> None:
        super().__init__("paused")
        self.reason = reason


class NotServed(Refusal):
    """The operator does not serve this server."""


class WrongChannel(Refusal):
    """Songs may be requested only in other channels, listed by Discord's ids."""

    def __init__(self, channel_ids: tuple[ChannelId, ...]) -> None:
        super().__init__("wrong channel")
        self.channel_ids = channel_ids


class MissingPermissions(Refusal):
    """The bot lacks permissions in this channel; ``names`` are those in Discord's API."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__("missing permissions: " + ", ".join(names))
        self.names = names


class NoPlaceToPost(Refusal):
    """The channel is gone, or the bot may not post there."""


class NoDirectMessages(Refusal):
    """The member accepts no direct messages from the bot."""


class ServiceClosed(Refusal):
    """The music service accepts no requests until about ``until``."""

    def __init__(self, cause: ClosedCause, until: datetime) -> None:
        super().__init__(f"closed: {cause}")
        self.cause = cause
        self.until = until


class NoRoom(Refusal):
    """No song can be stored at the moment: a disk is full, missing or read-only."""


class ShuttingDown(Refusal):
    """The bot accepts no new work because it is about to stop."""


class Leaving(Refusal):
    """The member's data is being deleted, which waits for their songs in progress."""


class NoSuchSong(Refusal):
    """The member has no such song in this server."""


class NotYourSong(Refusal):
    """Only the song's author, or a member who may manage messages here, may do that."""


class NotDoneYet(Refusal):
    """The song is still in progress and will be posted when it is finished."""


class SongGone(Refusal):
    """The song's audio is gone from the spool, from its message and from the music service."""


class TextsGone(Refusal):
    """The song behind a button or form, or its texts, have been deleted."""


class TooLateToCancel(Refusal):
    """The request is no longer queued, so it can't be cancelled."""


class TriedAgain(Refusal):
    """The member has already retried this failed song; the new attempt has its own button."""


class AlreadyMaking(Refusal):
    """The member has already requested this song again, and it is in progress."""


class NoLyrics(Refusal):
    """No lyrics were written, or none so far."""

    def __init__(self, cause: Literal["busy", "refused", "moderated", "failed", "late", "unknown"]) -> None:
        super().__init__(f"lyrics: {cause}")
        self.cause = cause


class NotYourServer(Refusal):
    """The command works only in servers, or needs a permission that the member lacks."""

    def __init__(self, cause: Literal["outside", "manager", "role"]) -> None:
        super().__init__(cause)
        self.cause = cause


class OperatorsOnly(Refusal):
    """Only the bot's operator can change that here."""

    def __init__(self, what: Literal["period", "grant", "refund"]) -> None:
        super().__init__(what)
        self.what = what


class OutOfRange(Refusal):
    """A number is outside ``low`` … ``high``, or is zero where zero is excluded."""

    def __init__(self, low: int, high: int, *, zero: bool = True) -> None:
        super().__init__(f"outside {low} … {high}")
        self.low = low
        self.high = high
        self.zero = zero


class WordUnusable(Refusal):
    """The word can't be added to or removed from the refused words; ``limit`` is the bound it exceeds."""

    def __init__(self, cause: Literal["empty", "too_long", "too_many", "unknown"], limit: int = 0) -> None:
        super().__init__(f"word: {cause}")
        self.cause = cause
        self.limit = limit


class NoSuchLimit(Refusal):
    """No role or member of this server has that limit."""


class NoSuchZone(Refusal):
    """No time zone has that name."""


class NoSuchChannel(Refusal):
    """The channel to remove is not one that this server has set."""


class NoSuchRole(Refusal):
    """The role to remove is not a manager role of this server."""


class EverybodyManages(Refusal):
    """The @everyone role can't manage the bot."""


class TooManyChannels(Refusal):
    """The server can't set more than ``limit`` channels for songs."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class TooManyRoles(Refusal):
    """No more than ``limit`` roles can manage the bot."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class NotRefundable(Refusal):
    """The credits of that song can't be refunded."""

    def __init__(self, cause: Literal["unknown", "open", "released", "refunded"]) -> None:
        super().__init__(cause)
        self.cause = cause
