"""The books balance whatever members and managers do, and however often the bot restarts."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.balance import Period
from bot.database.sqlite import Database, Tx
from bot.errors import Refusal
from bot.model import DiscordUserId, FailReason, Job, JobState, RoleId, TaskId, everyone_of
from bot.pipeline.transitions import Transitions
from bot.services.credits import CreditService
from bot.services.intake import Intake
from bot.store import budget_alerts, claims, jobs, ledger
from bot.store.reconcile import reconcile
from tests import make

Act = tuple[str, int, int]
"""An action, the number of the acting or affected member, and another number."""
ACTS = st.tuples(
    st.sampled_from(
        [
            *("ask", "ask", "ask", "finish", "finish", "fail", "refund", "restart", "wait"),
            *("grant", "set", "period", "limit", "role"),
        ]
    ),
    st.integers(0, 2),
    st.integers(0, 60),
)
FAN = RoleId(71)


class Evening:
    """A bot on a real file, restarted now and then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = make.Clock()
        self.stack = AsyncExitStack()

    async def begin(self) -> None:
        await self.stack.aclose()
        self.stack = AsyncExitStack()
        self.database = await self.stack.enter_async_context(Database.open(self.path))
        await self.database.write(claims.next_epoch)
        terms = make.terms(open_per_member=100, open_per_guild=100)
        self.intake = Intake(self.database, terms, now=self.clock, woken=lambda: None)
        self.credits = CreditService(self.database, make.DEFAULTS, price=10, now=self.clock)
        self.moves = Transitions(self.database, self.clock)

    async def does(self, act: Act) -> None:
        what, who, number = act
        member, entry = make.MEMBER + who, make.entry("why")
        match what:
            case "ask":
                await self.asks(member)
            case "finish" if job := await self.one_of(JobState.QUEUED, number):
                await self.database.write(partial(self.finished, job=job))
            case "fail" if job := await self.one_of(JobState.QUEUED, number):
                await self.moves.fail(job, FailReason.UPSTREAM_FAILED)
            case "refund" if job := await self.one_of(JobState.STORED, number):
                await self.credits.refund(make.GUILD, job.id, entry)
            case "restart":
                await self.begin()
            case "wait":
                self.clock.forward(days=number)
            case "grant":
                await self.credits.grant(make.GUILD, number - 20 or 1, entry)
            case "set":
                await self.credits.set_allowance(make.GUILD, number, None, entry)
            case "period":
                await self.credits.set_allowance(make.GUILD, number, list(Period)[who], entry)
            case "limit":
                await self.credits.limit_member(make.GUILD, DiscordUserId(member), number or None, entry)
            case "role":
                role_id = (everyone_of(make.GUILD), FAN)[who % 2]
                await self.credits.limit_role(make.GUILD, role_id, number or None, entry)

    async def asks(self, member_id: int) -> None:
        """Request a song; if it is accepted, check that no limit was exceeded at this time."""
        roles = frozenset({everyone_of(make.GUILD), FAN})
        before = await self.credits.balance(make.GUILD)
        taken = await self.intake.accept(make.prompt(), make.origin(member_id=member_id, role_ids=roles))
        assert taken is not None
        found = (await self.credits.explain(make.GUILD, DiscordUserId(member_id), roles)).standing
        assert before.available - 10 == found.balance.available >= 0
        assert found.limit is None or found.used + found.held <= found.limit.credits

    async def one_of(self, state: JobState, number: int) -> Job | None:
        """Return a job in this state, if any."""

        def find(tx: Tx) -> Job | None:
            rows = tx.execute(
                "SELECT id FROM job WHERE state = ? ORDER BY created_at, id", (state,)
            ).fetchall()
            return jobs.get(tx, rows[number % len(rows)]["id"]) if rows else None

        return await self.database.read(find)

    def finished(self, tx: Tx, *, job: Job) -> None:
        """Record the success of the download as the pipeline does."""
        now = self.clock()
        assert jobs.move(tx, job, JobState.STORED, now=now, due_at=now, task_id=TaskId(f"task-{job.id}"))
        ledger.settle(tx, job.id, now)
        budget_alerts.mark(tx, make.GUILD, make.DEFAULTS, now)


async def whole_evening(path: Path, acts: list[Act]) -> None:
    evening = Evening(path)
    await evening.begin()
    try:
        for act in acts:
            try:
                await evening.does(act)
            except Refusal:
                continue
            finally:
                reconciliation = await evening.database.read(reconcile)
                assert () == reconciliation.findings
                assert 0 <= reconciliation.held
    finally:
        await evening.stack.aclose()


@settings(deadline=None, max_examples=make.examples(40), derandomize=True, phases=(Phase.generate,))
@given(st.lists(ACTS, min_size=5, max_size=25))
def test_the_books_balance_whatever_is_done(acts: list[Act]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(whole_evening(Path(folder) / "tunesmith.db", acts))
