"""The rules that decide whether a member may request a song now. They run inside the accept transaction."""

from datetime import datetime, timedelta

from bot.database.engine import Tx
from bot.model import GuildId, MemberNumber, Origin, Reuse, SongRequest, Source
from bot.music.backends import limits_of
from bot.music.text_limits import check
from bot.refusals import (
    AlreadyMaking,
    Leaving,
    NotServed,
    Paused,
    ServiceClosed,
    TextsGone,
    TooManyOpenJobs,
    TooManyRequests,
    TotalReached,
    TriedAgain,
    WordRefused,
)
from bot.services.terms import Terms
from bot.store import breaker, jobs, members, quotas, refused_words, servers, song_channels, texts

REQUESTS_MAX = 2_000
"""Maximum requests per member in ``REQUESTS_WITHIN``. Cancelled and failed ones are free but take up rows."""
REQUESTS_WITHIN = timedelta(hours=1)


def require_admissible(tx: Tx, terms: Terms, request: SongRequest, origin: Origin) -> Origin:
    """Check a request against the server's rules, and return its origin with the channels for its result.

    Raises:
        Refusal: a rule of the server, the terms or the service forbids it.
    """
    admitted = song_channels.admitted(tx, origin)
    check(request, terms.models, limits_of(request.model))
    terms.require_options(request)
    word = refused_words.found(tx, origin.guild_id, request)
    if word is not None:
        raise WordRefused(word)
    return admitted


def require_allowed(
    tx: Tx, terms: Terms, origin: Origin, member: MemberNumber, source: Source | None, now: datetime
) -> None:
    """Check that the member may request another song now.

    Raises:
        Refusal: they may not, for instance because too many of their songs are open.
    """
    if not servers.is_served(tx, origin.guild_id, terms.server_policy):
        raise NotServed
    if members.leaving_since(tx, member) is not None:
        raise Leaving
    if source is not None:
        _require_reusable(tx, source, origin.guild_id, member)
    require_open_service(tx, terms, origin.guild_id, now)
    counts = jobs.count_open(tx, origin.guild_id, member)
    if counts.member >= terms.open_per_member:
        raise TooManyOpenJobs("member", terms.open_per_member)
    if counts.guild >= terms.open_per_guild:
        raise TooManyOpenJobs("guild", terms.open_per_guild)
    earliest = jobs.nth_request(tx, member, REQUESTS_MAX, now - REQUESTS_WITHIN, now)
    if earliest is not None:
        raise TooManyRequests(REQUESTS_MAX, earliest + REQUESTS_WITHIN)
    require_total(tx, terms, terms.price_credits, now)


def require_open_service(tx: Tx, terms: Terms, guild_id: GuildId, now: datetime) -> breaker.Breaker:
    """Check that neither the server's managers nor the music service have stopped paid requests.

    Raises:
        Paused: the managers have paused new songs.
        ServiceClosed: the breaker is open.
    """
    reason = quotas.paused(tx, guild_id)
    if reason is not None:
        raise Paused(reason)
    state = breaker.read(tx, terms.backend)
    until = breaker.blocked_until(state, now)
    if state.closed is not None and until is not None:
        raise ServiceClosed(state.closed, until)
    return state


def require_total(tx: Tx, terms: Terms, price_credits: int, now: datetime) -> None:
    """Check that the operator's total for this month has room for ``price_credits`` more.

    Raises:
        TotalReached: another song would exceed the total.
    """
    total_max = terms.total_credits_max
    if total_max is not None and servers.credits_this_month(tx, now) + price_credits > total_max:
        raise TotalReached(servers.next_month(now))


def _require_reusable(tx: Tx, source: Source, guild_id: GuildId, member: MemberNumber) -> None:
    """Check that an earlier job's texts may be reused."""
    if not jobs.is_of(tx, guild_id, source.job_id) or not texts.may_be_taken_up(tx, source.job_id):
        raise TextsGone
    match source.reuse:
        case Reuse.RETRY if jobs.tried_again(tx, source.job_id, member):
            raise TriedAgain
        case Reuse.AGAIN if jobs.again_in_progress(tx, source.job_id, member):
            raise AlreadyMaking
        case _:
            return
