"""The doctor's check of the operator's balance at the music service."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.checks import Check
from bot.database.opening import open_place
from bot.errors import StartRefused, Transient
from bot.music.client import MusicClient
from bot.ops import upstream_lines
from bot.ops.doctor.runner import ok, on_a_thread, warning
from bot.pipeline.upstream_balance import amount, sentence, songs
from bot.store import upstream
from bot.store.upstream import BalanceReading, UpstreamTerms

NAME: Final = "balance"
BALANCE_WITHIN_S: Final = 10.0
"""Timeout for the service's answer, in seconds; shorter than the check's deadline."""


async def check_balance(
    open_music: Callable[[], AbstractAsyncContextManager[MusicClient]],
    database: Path | str,
    terms: UpstreamTerms,
) -> list[Check]:
    """Query the balance and compare it with what members can still request."""
    async with open_music() as music:
        credits_, problem = await _ask(music)
    now = datetime.now(UTC)
    fresh = None if credits_ is None else BalanceReading(credits=credits_, at=now)
    return [await on_a_thread(lambda: _compare(database, terms, now, fresh, problem))]


async def _ask(music: MusicClient) -> tuple[float | None, str]:
    """Return the balance, or why there is none."""
    try:
        async with asyncio.timeout(BALANCE_WITHIN_S):
            credits_ = await music.balance()
    except TimeoutError:
        return None, f"no answer within {BALANCE_WITHIN_S:.0f} s"
    except Transient as error:
        return None, str(error)
    return credits_, "no balance in the answer" if credits_ is None else ""


def _compare(
    database: Path | str, terms: UpstreamTerms, now: datetime, fresh: BalanceReading | None, problem: str
) -> Check:
    try:
        with open_place(database) as tx:
            current = upstream.compare(tx, terms, now, fresh)
    except StartRefused as refused:
        return _without_database(terms, fresh, problem or str(refused))
    finding = f"at {terms.backend}: {upstream_lines.balance(current, now)}"
    advice = "".join(f". {sentence(each, current)}".removesuffix(".") for each in current.warnings)
    if problem:
        return warning(NAME, f"can't be read now ({problem}); last known {finding}{advice}")
    return warning(NAME, f"{finding}{advice}") if advice else ok(NAME, finding)


def _without_database(terms: UpstreamTerms, fresh: BalanceReading | None, problem: str) -> Check:
    if fresh is None:
        return warning(NAME, f"can't be read now ({problem})")
    paid = upstream.songs_paid(fresh.credits, terms.song_cost)
    pays = "" if paid is None else f", for {songs(paid)}"
    finding = f"at {terms.backend}: {amount(fresh.credits)} credits{pays}"
    if paid is not None and paid < upstream.SONGS_LOW:
        return warning(NAME, f"{finding}; top it up, or requests will soon be refused")
    return ok(NAME, f"{finding}; not compared with what members can request: {problem}")
