"""The doctor's check of the operator's balance at the music service."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.database.sqlite import open_read_only
from bot.errors import StartRefused, Transient
from bot.model import Check
from bot.music.client import MusicClient
from bot.ops import upstream_lines
from bot.ops.doctor.runner import ok, on_a_thread, warning
from bot.pipeline.upstream_balance import sentence, songs
from bot.store import upstream
from bot.store.upstream import Reading, UpstreamTerms

NAME: Final = "balance"


async def check_balance(
    open_music: Callable[[], AbstractAsyncContextManager[MusicClient]],
    database: Path,
    terms: UpstreamTerms,
) -> list[Check]:
    """Ask for the balance, and compare it with what members can still request."""
    fresh, problem = None, "no balance in the answer"
    async with open_music() as music:
        try:
            credits_ = await music.balance()
        except Transient as error:
            credits_, problem = None, str(error)
    now = datetime.now(UTC)
    if credits_ is not None:
        fresh, problem = Reading(credits=credits_, at=now), ""
    return [await on_a_thread(lambda: _compare(database, terms, now, fresh, problem))]


def _compare(
    database: Path, terms: UpstreamTerms, now: datetime, fresh: Reading | None, problem: str
) -> Check:
    try:
        with open_read_only(database) as tx:
            current = upstream.compare(tx, terms, now, fresh)
    except StartRefused as refused:
        return _without_database(terms, fresh, problem or str(refused))
    finding = f"at {terms.backend}: {upstream_lines.balance(current, now)}"
    if problem:
        return warning(NAME, f"can't be read now ({problem}); last known {finding}")
    advice = " ".join(sentence(found, current) for found in current.warnings)
    return warning(NAME, f"{finding}. {advice}") if advice else ok(NAME, finding)


def _without_database(terms: UpstreamTerms, fresh: Reading | None, problem: str) -> Check:
    if fresh is None:
        return warning(NAME, f"can't be read now ({problem})")
    paid = upstream.songs_paid(fresh.credits, terms.song_cost)
    pays = "" if paid is None else f", for {songs(paid)}"
    finding = f"at {terms.backend}: {upstream_lines.amount(fresh.credits)} credits{pays}"
    if paid is not None and paid < upstream.SONGS_LOW:
        return warning(NAME, f"{finding}; top it up, or requests are soon refused")
    return ok(NAME, f"{finding}; not compared with what members can request: {problem}")
