"""Change credits and jobs as the operator, from the command line."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from msgspec import Struct

from bot.balance import ChangedBy
from bot.database.engine import Database, Tx
from bot.errors import NotDone
from bot.model import FailReason, GuildId, Job, JobId
from bot.pipeline.erasure import erase_server
from bot.pipeline.transitions import fail
from bot.refusals import NotRefundable, OutOfRange, TextMissing
from bot.services.credit_views import Refund
from bot.services.credits import CreditService
from bot.store import jobs, ledger, server_erasure, servers
from bot.store.locking import lock_guild
from bot.store.server_erasure import ServerData

T = TypeVar("T")
Id = TypeVar("Id", bound=int)

OPERATOR = ChangedBy(actor_id=None, reason="by the operator")
_NOT_REFUNDABLE = {
    "unknown": "does not exist",
    "open": "is still in progress; refund it when it is done",
    "released": "failed, and its credits have already been returned",
    "refunded": "has already been refunded",
}


class Released(Struct, frozen=True, kw_only=True):
    """A parked job that was failed, and its server's available credits before and after."""

    job: Job
    before: int
    after: int


class OperatorActions:
    """Changes that only the operator may make. A refused one raises NotDone and changes nothing."""

    def __init__(
        self, database: Database, defaults: ledger.Defaults, *, price: int, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._defaults = defaults
        self._now = now
        self._credits = CreditService(database, defaults, price=price, now=now, for_operator=True)

    async def grant(self, guild_id: GuildId, amount: int, reason: str) -> tuple[int, int]:
        """Add or remove bonus credits. Returns the bonus before and after."""
        if not await self._known(guild_id, servers.is_known):
            raise NotDone(f"Server {guild_id} is not known: nobody there has used the bot yet.")
        try:
            changed = await self._credits.grant(guild_id, amount, ChangedBy(actor_id=None, reason=reason))
        except OutOfRange as error:
            raise NotDone(
                f"Server {guild_id} can get {error.low:,} to {error.high:,} credits; nothing was changed."
            ) from None
        except TextMissing:
            raise NotDone("A grant needs a reason: --reason TEXT; nothing was changed.") from None
        assert changed is not None  # noqa: S101 - no interaction asked for it, so none asked twice
        return changed

    async def _known(self, number: Id, look: Callable[[Tx, Id], T]) -> T | None:
        """Look up a typed number; one outside the database's integers is unknown."""
        if not 0 < number < 1 << 63:
            return None
        return await self._database.read(lambda tx: look(tx, number))

    async def refund(self, job_id: JobId, reason: str) -> Refund:
        """Refund the credits of a finished song, once."""
        guild_id = await self._known(job_id, servers.guild_of)
        try:
            refunded = await self._credits.refund(
                GuildId(guild_id or 0),
                job_id if guild_id else JobId(0),
                ChangedBy(actor_id=None, reason=reason or OPERATOR.reason),
            )
        except NotRefundable as error:
            raise NotDone(f"Job {job_id} {_NOT_REFUNDABLE[error.cause]}; nothing was changed.") from None
        assert refunded is not None  # noqa: S101 - see above
        return refunded

    async def release(self, job_id: JobId) -> Released:
        """Fail a parked job: release its credits and have the bot notify the member."""
        now = self._now()

        def release(tx: Tx) -> Released:
            job = _parked(tx, job_id)
            guild_id = job.origin.guild_id
            before = ledger.balance(tx, guild_id, self._defaults, now).available
            slow = servers.parked(tx, job_id) == "slow"
            fail(tx, job, FailReason.UPSTREAM_FAILED if slow else FailReason.INTERNAL, "", now=now)
            after = ledger.balance(tx, guild_id, self._defaults, now).available
            return Released(job=job, before=before, after=after)

        return await self._database.write(release)

    async def stored_of(self, guild_id: GuildId) -> ServerData:
        """Return the stored data of a server that an erasure would delete."""
        stored = await self._known(guild_id, server_erasure.stored)
        if stored is None or not await self._known(guild_id, servers.is_known):
            raise NotDone(f"Server {guild_id} is not known; nothing was changed.")
        return stored

    async def forget(self, guild_id: GuildId) -> int:
        """Erase a server's data except the books.

        Returns the number of unfinished songs it waits for.

        The bot erases those once they are done, removes the files, and scrubs the deleted rows from the
        database file.
        """
        await self._database.write(partial(_begin_to_forget, guild_id=guild_id, now=self._now()))
        await erase_server(self._database, guild_id, self._now())
        return (await self.stored_of(guild_id)).unfinished

    async def retry(self, job_id: JobId) -> Job:
        """Have the bot poll or download a parked job once more, which costs nothing."""
        now = self._now()

        def retry(tx: Tx) -> Job:
            job = _parked(tx, job_id)
            moved = jobs.move(
                tx,
                job,
                job.state,
                now=now,
                due_at=now,
                parked=None,
                tries=0,
                misses=0,
                missing_since=None,
            )
            assert moved  # noqa: S101 - it was read in this transaction
            return job

        return await self._database.write(retry)


def _begin_to_forget(tx: Tx, guild_id: GuildId, now: datetime) -> None:
    lock_guild(tx, guild_id)
    server_erasure.begin(tx, guild_id, now)


def _parked(tx: Tx, job_id: JobId) -> Job:
    guild_id = servers.guild_of(tx, job_id) if 0 < job_id < 1 << 63 else None
    if guild_id is not None:
        lock_guild(tx, guild_id)
    job = jobs.get(tx, job_id) if 0 < job_id < 1 << 63 else None
    if job is None:
        raise NotDone(f"Job {job_id} does not exist; nothing was changed.")
    if not job.parked:
        raise NotDone(f"Job {job_id} is {job.state} and not parked; nothing was changed.")
    return job
