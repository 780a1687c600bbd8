"""Sixty simultaneous requests with credits for five songs, from four processes on one PostgreSQL database.

uv run python -m bench.race            # ten times, on a server of its own
"""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from typing import Final

from bot.balance import Period
from bot.database.postgresql import Database
from bot.database.postgresql_reader import open_read_only
from bot.errors import Refusal, StoreBusy
from bot.model import DiscordUserId
from bot.services.acceptance import Accepted
from bot.services.intake import Intake
from bot.store.ledger import Defaults
from bot.store.reconcile import reconcile
from tests import make
from tests.postgresql import serving

PROCESSES: Final = 4
REQUESTS: Final = 60
SONGS: Final = 5
PRICE: Final = 10
TRIES: Final = 5
"""Number of attempts by a member who is refused because the bot is busy."""
GO: Final = "go\n"


async def request(url: str, process: int) -> None:
    """Send this process's share of the requests at once, when told to; print how many were accepted."""
    terms = make.terms(
        price_credits=PRICE,
        open_per_member=REQUESTS,
        open_per_guild=REQUESTS,
        defaults=Defaults(allowance=SONGS * PRICE, period=Period.MONTH),
    )
    async with Database.attach(url) as database:
        intake = Intake(database, terms, now=lambda: datetime.now(UTC), woken=lambda: None)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        share = REQUESTS // PROCESSES
        results = await asyncio.gather(
            *(_accept(intake, process * share + number) for number in range(share)),
            return_exceptions=True,
        )
    accepted = sum(not isinstance(result, BaseException) for result in results)
    odd = {
        repr(result)
        for result in results
        if isinstance(result, BaseException) and not isinstance(result, Refusal)
    }
    print(accepted, *odd, flush=True)


async def _accept(intake: Intake, number: int) -> Accepted | None:
    """Request a song like a member who tries again when the bot is busy."""
    for attempt in range(TRIES):
        interaction_id = 1_000 + attempt * REQUESTS + number
        origin = make.origin(interaction_id=interaction_id, member_id=DiscordUserId(10_000 + number))
        try:
            return await intake.accept(make.prompt(), origin)
        except StoreBusy:
            continue
    raise TimeoutError


async def race(url: str) -> tuple[int, list[str], tuple[str, ...]]:
    """Return the number of accepted requests, unexpected outcomes, and the reconciliation's findings."""
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.race", "--process", str(process), "--url", url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for process in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    outputs = await asyncio.gather(*(process.communicate(GO.encode()) for process in processes))
    words = [output.decode().split(maxsplit=1) for output, _ in outputs]
    with open_read_only(url) as tx:
        findings = reconcile(tx).findings
    return sum(int(word[0]) for word in words), [word[1] for word in words if len(word) > 1], findings


async def main(rounds: int) -> None:
    """Run each race on a new database."""
    with serving() as server:
        for number in range(rounds):
            accepted, odd, findings = await race(server.create())
            print(f"{number + 1}: {accepted} of {REQUESTS} accepted", *odd, *findings, flush=True)
            assert (accepted, findings, odd) == (SONGS, (), [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--process", type=int)
    parser.add_argument("--url")
    options = parser.parse_args()
    asyncio.run(main(options.rounds) if options.url is None else request(options.url, options.process))
