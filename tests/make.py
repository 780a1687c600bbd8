"""Objects for tests, with defaults for everything that a test does not care about."""

import itertools
from datetime import UTC, datetime, timedelta

import hypothesis

from bot.balance import Balance, ChangedBy, Period, Standing
from bot.model import Backend, ChannelId, DiscordUserId, GuildId, Job, JobState, Origin, SongRequest
from bot.services.terms import Terms
from bot.store.ledger import Defaults

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
GUILD, CHANNEL, MEMBER, OTHER = GuildId(7001), ChannelId(8001), DiscordUserId(9001), DiscordUserId(9002)
DEFAULTS = Defaults(allowance=100, period=Period.MONTH)

QUICK = "quick"
"""Name of the Hypothesis profile of the default run."""

QUICKER = 5
"""Factor by which the default run reduces the number of examples."""

_interactions = itertools.count(1_400_000_000_000_000_000, 1 << 22)


def is_quick() -> bool:
    """Return whether this is the default run."""
    return hypothesis.settings.get_current_profile_name() == QUICK


def examples(count: int) -> int:
    """Return the number of examples to try, out of ``count`` in a full run."""
    return max(1, count // QUICKER) if is_quick() else count


class Clock:
    """A ``now()`` that stands still until a test advances it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> datetime:
        self.now += timedelta(**delta)
        return self.now


def prompt(text: str = "Warm synth pop about the last train home", **changes: object) -> SongRequest:
    return SongRequest(**{"model": "V5", "prompt": text} | changes)  # type: ignore[arg-type]


def custom(**changes: object) -> SongRequest:
    fields: dict[str, object] = {
        "model": "V5",
        "custom": True,
        "title": "Neon Rain",
        "style": "synthwave",
        "lyrics": "City lights and midnight rain",
    }
    return SongRequest(**fields | changes)  # type: ignore[arg-type]


def origin(**changes: object) -> Origin:
    fields: dict[str, object] = {
        "interaction_id": next(_interactions),
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "member_id": MEMBER,
    }
    return Origin(**fields | changes)  # type: ignore[arg-type]


def entry(reason: str = "", **changes: object) -> ChangedBy:
    fields: dict[str, object] = {
        "actor_id": MEMBER,
        "reason": reason,
        "interaction_id": next(_interactions),
    }
    return ChangedBy(**fields | changes)  # type: ignore[arg-type]


def job(**changes: object) -> Job:
    fields: dict[str, object] = {
        "id": 42,
        "request": prompt(),
        "origin": origin(),
        "state": JobState.QUEUED,
        "attempt": 0,
        "tries": 0,
        "created_at": NOW,
        "state_since": NOW,
        "price_credits": 10,
    }
    return Job(**fields | changes)  # type: ignore[arg-type]


def balance(**changes: object) -> Balance:
    fields: dict[str, object] = {
        "allowance": 100,
        "used": 0,
        "held": 10,
        "bonus": 0,
        "period": Period.MONTH,
        "renews_at": NOW,
    }
    return Balance(**fields | changes)  # type: ignore[arg-type]


def standing(**changes: object) -> Standing:
    fields: dict[str, object] = {"balance": balance(), "limit": None, "used": 0, "held": 10}
    return Standing(**fields | changes)  # type: ignore[arg-type]


def terms(**changes: object) -> Terms:
    fields: dict[str, object] = {
        "backend": Backend.SSEEDANCE,
        "models": ("V5",),
        "price_credits": 10,
        "open_per_member": 2,
        "open_per_guild": 10,
        "defaults": DEFAULTS,
    }
    return Terms(**fields | changes)  # type: ignore[arg-type]
